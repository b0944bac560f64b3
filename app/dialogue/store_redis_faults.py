"""What can be wrong with the Redis of the sessions, and what to do about it, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from app.faults import StoreError

# After these nobody knows whether Redis has done what it was asked.
LOST = (exceptions.ConnectionError, exceptions.TimeoutError)

_IDENTITY = "See that the URL has the right user and password, percent-encoded"
# What stands in the reason, in small letters -> what to do.
REMEDIES = {
    "refused": "See that it runs and listens there",
    "timed out": "It is away, hangs or has too much to do: `redis-cli ping`, `redis-cli --latency`",
    "timeout": "It is away, hangs or has too much to do: `redis-cli ping`, `redis-cli --latency`",
    "connection closed": "It went away just now, or expects TLS: rediss://",
    "maxmemory": "It is full: raise its maxmemory; its maxmemory-policy is to be noeviction",
    "read only replica": "This one is a replica: name the primary",
    "snapshot": "It cannot write to its disk: see its log",
    "not enough good replicas": "It lost its replicas: see its log",
    "authentication required": _IDENTITY,
    "password": _IDENTITY,
    "permission": "Its user needs the commands of scripts, hashes and sorted sets on keys reviewlens:*",
    "certificate": "Add ?ssl_ca_certs=FILE to the URL, or set SSL_CERT_FILE, with its authority",
    "ssl": "See that its port takes TLS, as rediss:// expects",
    "loading the dataset": "It has just started; wait until it has read its data",
    "moved": "It is a cluster; name a single Redis, or a primary",
    "db index": "The number after the last / of the URL is no database of it",
    "not known": "See the host's name in the URL",
    "name resolution": "See the host's name in the URL",
}
_ELSE = "See its log"
# Addresses, and where in a script of ours it happened.
_NOISE = re.compile(r"error \S+ (?:while \w+ \w+|connecting to) \S+ ?[:.] |\.? script: .*|[.\s]+$", re.I)


def of_redis(error: exceptions.RedisError) -> bool:
    """Whether Redis, its disk or the way to it is what failed, and not a statement of ours."""
    ours = type(error) in (exceptions.ResponseError, exceptions.DataError)
    return not ours or _remedy(str(error)) != _ELSE


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Redis's faults leave the block as StoreError, with `place` for who reads the log."""
    try:
        yield
    except exceptions.RedisError as error:
        if not of_redis(error):
            raise
        reason = _NOISE.sub("", str(error))
        line = f"the store {place} cannot be used: {reason}. {_remedy(str(error))}. "
        raise StoreError(line + "REVIEWLENS_SESSION_STORE sets its address", reason) from error


def _remedy(text: str) -> str:
    return next((words for sign, words in REMEDIES.items() if sign in text.lower()), _ELSE)
