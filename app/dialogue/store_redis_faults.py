"""What can be wrong with the Redis of the sessions, and what to do about it, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from app.faults import StoreError

# After these nobody knows whether Redis has done what it was asked.
LOST = (exceptions.ConnectionError, exceptions.TimeoutError)

_AWAY = "It is away, hangs, has too much to do, or only one side expects TLS: `redis-cli ping`"
_IDENTITY = "See that the URL has the right user and password, percent-encoded"
_RIGHTS = "Its user needs reads, writes, scripts and the time, on keys reviewlens:*: docs/sessions.md"
# What stands in the error's name or words, in small letters -> what to do.
REMEDIES = {
    "refused": "See that it runs and listens there",
    "authentication": _IDENTITY,
    "certificate": "Add ?ssl_ca_certs=FILE to the URL, or set SSL_CERT_FILE, with its authority",
    "ssl": "See that its port takes TLS, as rediss:// expects",
    "timeout": _AWAY,
    "timed out": _AWAY,
    "connection closed": _AWAY,
    "maxmemory": "It is full: raise its maxmemory",
    "read only replica": "This one is a replica: name the primary",
    "snapshot": "It cannot write to its disk: see its log",
    "good replicas": "It lost its replicas: see its log",
    "permission": _RIGHTS,
    "user executing the script": _RIGHTS,
    "loading": "It has just started; wait until it has read its data",
    "busy running": "It runs somebody's script: `redis-cli script kill`",
    "moved": "It is a cluster; name a single Redis, or a primary",
    "db index": "The number after the last / of the URL is no database of it",
    "not known": "See the host's name in the URL",
    "name resolution": "See the host's name in the URL",
}
_ELSE = "See its log"
# Addresses, where in a script of ours it happened, advice to programmers.
_NOISE = re.compile(r"error \S+ (?:while|connecting) .*?[:.] |\.? script: .*|, otherwise .*|[.\s]+$", re.I)


def of_redis(error: exceptions.RedisError) -> bool:
    """Whether Redis, its disk or the way to it is what failed, and not a statement of ours."""
    ours = type(error) in (exceptions.ResponseError, exceptions.DataError)
    return not ours or _remedy(error) != _ELSE


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Redis's faults leave the block as StoreError, with `place` for who reads the log."""
    try:
        yield
    except exceptions.RedisError as error:
        if not of_redis(error):
            raise
        reason = _NOISE.sub("", str(error))
        line = f"the store {place} cannot be used: {reason}. {_remedy(error)}. "
        raise StoreError(line + "REVIEWLENS_SESSION_STORE sets its address", reason) from error


def _remedy(error: exceptions.RedisError) -> str:
    text = f"{type(error).__name__} {error}".lower()
    return next((words for sign, words in REMEDIES.items() if sign in text), _ELSE)
