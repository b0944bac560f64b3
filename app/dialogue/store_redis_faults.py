"""The faults of the sessions' Redis and their remedies, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from app.faults import LASTS, PASSES, UNSURE, StoreError

# After these a new connection may help: the answer was lost, or the address leads to another Redis by now.
AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError)

_AWAY = "It is away, hangs, has too much to do, or only one side expects TLS: `redis-cli ping`"
_IDENTITY = "See that the URL has the right user and password, percent-encoded"
_RIGHTS = "Its user needs reads, writes, scripts and the time, on keys reviewlens:*: docs/how-to/sessions.md"
# Part of the error's name or text, in small letters -> the remedy, the counted kind.
REMEDIES = {
    "refused": ("See that it runs and listens there", PASSES),
    "authentication": (_IDENTITY, LASTS),
    "certificate": ("Add ?ssl_ca_certs=FILE to the URL, or set SSL_CERT_FILE, with its authority", LASTS),
    "ssl": ("See that its port takes TLS, as rediss:// expects", LASTS),
    "timeout": (_AWAY, PASSES),
    "timed out": (_AWAY, PASSES),
    "connection closed": (_AWAY, PASSES),
    "maxmemory": ("It is full: raise its maxmemory", PASSES),
    "read only replica": ("This one is a replica: name the primary", PASSES),
    "snapshot": ("It cannot write to its disk: see its log", PASSES),
    "good replicas": ("It lost its replicas: see its log", PASSES),
    "permission": (_RIGHTS, LASTS),
    "user executing the script": (_RIGHTS, LASTS),
    "loading": ("It has just started; wait until it has read its data", PASSES),
    "busy running": ("It runs somebody's script: `redis-cli script kill`", PASSES),
    "moved": ("It is a cluster; name a single Redis, or a primary", LASTS),
    "db index": ("The number after the last / of the URL is no database of it", LASTS),
    "not known": ("See the host's name in the URL", UNSURE),
    "name resolution": ("See the host's name in the URL", UNSURE),
}
_ELSE = ("See its log", UNSURE)
_UNDER_WAY = re.compile("reading|writing|closed", re.I)
# Addresses, where in a script of ours it happened, advice to programmers.
_NOISE = re.compile(r"error \S+ (?:while|connecting) .*?[:.] |\.? script: .*|, otherwise .*|[.\s]+$", re.I)


def of_redis(error: exceptions.RedisError) -> bool:
    """Whether the fault lies with Redis, its disk or the way to it, and not in a statement of ours."""
    ours = type(error) in (exceptions.ResponseError, exceptions.DataError)
    return not ours or _remedy(error) != _ELSE


def was_sent(error: BaseException | None) -> bool:
    """Whether the question had gone out when it failed: nobody knows then what Redis has done with it."""
    return isinstance(error, AWAY) and bool(_UNDER_WAY.search(str(error)))


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Redis's faults leave the block as StoreError, with `place` for who reads the log."""
    try:
        yield
    except exceptions.RedisError as error:
        if not of_redis(error):
            raise
        reason = _NOISE.sub("", str(error))
        remedy, prospect = _remedy(error)
        line = f"the store {place} cannot be used: {reason}. {remedy}. "
        raise StoreError(line + "REVIEWLENS_SESSION_STORE sets its address", reason, prospect) from error


def _remedy(error: exceptions.RedisError) -> tuple[str, str]:
    text = f"{type(error).__name__} {error}".lower()
    return next((words for sign, words in REMEDIES.items() if sign in text), _ELSE)
