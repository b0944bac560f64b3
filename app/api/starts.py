"""How many visits and dialogues one client may start within a minute."""

from __future__ import annotations

import ipaddress
import logging
import math
import time

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from app.api.spells import Spell
from app.dialogue.store import SessionStore
from app.errors import TooMany

# Clients that are refused without asking the store again.
MOST_REMEMBERED = 10_000
FLOOD = (
    "%s, and perhaps others, are answered with 429: more than REVIEWLENS_SESSIONS_PER_MINUTE=%d. "
    "If that is your own proxy, FORWARDED_ALLOW_IPS lets the server see the clients behind it"
)
IPV6_NETWORK = 64  # a customer's smallest network; single addresses cost nothing

_log = logging.getLogger("reviewlens.api")


class Starts:
    """Counts the starts of each client in the store of the sessions: all workers share the count."""

    def __init__(self, store: SessionStore, per_minute: int) -> None:
        """`per_minute` 0: nobody is refused."""
        self._limiter = FixedWindowRateLimiter(_Counts(store))
        self._limit = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._refused: dict[str, float] = {}
        self._spell = Spell(_log)

    def admit(self, request: Request) -> None:
        """Count a start. Raises TooMany; StoreError and the like if the store is unusable.

        The server names the client: it takes X-Forwarded-For from trusted proxies. A client without an
        address, as over a Unix socket, is not limited: it may be everybody.
        """
        if self._limit is None or request.client is None:
            return
        client, now = network(request.client.host), time.time()
        if self._refused.get(client, 0) <= now:
            if self._limiter.hit(self._limit, client):
                return
            self._remember(client, self._limiter.get_window_stats(self._limit, client).reset_time)
            self._spell.warning(FLOOD, client, self._limit.amount)
        seconds = max(1, math.ceil(self._refused.get(client, 0) - time.time()))
        raise TooMany(
            f"a client may start {self._limit.amount} visits and dialogues within a minute; "
            f"try again in {seconds} s",
            seconds,
        )

    def _remember(self, client: str, until: float) -> None:
        if len(self._refused) >= MOST_REMEMBERED:
            self._refused.clear()
        self._refused[client] = until


def network(host: str) -> str:
    """The client behind an address: itself, or the network of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(address), IPV6_NETWORK), strict=False))
    return str(address)


class _Counts(Storage):
    """The store's counts, as the limiter asks for them."""

    STORAGE_SCHEME = None

    def __init__(self, store: SessionStore) -> None:
        super().__init__()
        self._store = store

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self._store.tally(key, amount, expiry)

    def get(self, key: str) -> int:
        return self._store.tallied(key)[0]

    def get_expiry(self, key: str) -> float:
        return time.time() + self._store.tallied(key)[1]

    def check(self) -> bool:
        return True

    def reset(self) -> None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError
