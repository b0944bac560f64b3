"""Turns of one session within one process: one after another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from app.dialogue.model import digest
from app.errors import Conflict

# A verdict takes 25 s at most, unless the LLM's deadline is set to more.
WAIT_SECONDS = 30.0


class Turns:
    """The turns under way. The store's versions keep turns in other processes apart."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def one_at_a_time(self, session_id: str) -> AsyncIterator[None]:
        """Wait for the earlier turns. Conflict if that takes too long."""
        lock = self._locks.setdefault(session_id, asyncio.Lock())
        try:
            with anyio.fail_after(self._wait_seconds):
                await lock.acquire()
        except TimeoutError:
            raise Conflict(f"session {digest(session_id)} is being answered") from None
        try:
            yield
        finally:
            lock.release()
