"""Every store of sessions behind one fixture: what is promised of one holds for each.

`stores` opens as many as a test has machines, all on the same sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from support.redis_server import RedisServer, redis_server

from app.database import Database
from app.dialogue.store import MOST_LIVE, SessionStore
from app.dialogue.store_redis import RedisSessions
from app.dialogue.store_sqlite import SqliteSessions

TIMEOUT = 60.0
Clock = Callable[[], float]


class Stores(Protocol):
    """Opens a store as one machine or worker would."""

    def __call__(self, clock: Clock, timeout: float = TIMEOUT, most_live: int = MOST_LIVE) -> SessionStore:
        """One more on the same sessions."""


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    """Workers of one machine."""
    opened: list[Database] = []

    def open_store(clock: Clock, timeout: float = TIMEOUT, most_live: int = MOST_LIVE) -> SessionStore:
        opened.append(Database(folder / "sessions.db"))
        return SqliteSessions(opened[-1], timeout, clock, most_live)

    yield open_store
    for database in opened:
        database.close()


@contextmanager
def redis_stores(server: RedisServer) -> Iterator[Stores]:
    """Workers of many machines."""
    server.client.flushdb()
    opened: list[RedisSessions] = []

    def open_store(clock: Clock, timeout: float = TIMEOUT, most_live: int = MOST_LIVE) -> SessionStore:
        opened.append(RedisSessions(server.url, timeout, clock, most_live))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """One Redis for all tests; each empties it, or takes a database of its own."""
    with redis_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Each kind of store, empty."""
    if request.param == "sqlite":
        with sqlite_stores(tmp_path) as opener:
            yield opener
    else:
        with redis_stores(request.getfixturevalue("redis")) as opener:
            yield opener
