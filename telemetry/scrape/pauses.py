"""Pauses amid long work, so that no request waits for all of it."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 1e-5


class Pauses:
    """Lets other threads have their turn whenever so much of the work is done. Without, Python takes 5 ms to
    ask a thread that computes, and one call into C may last longer."""

    def __init__(self, every: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._every = every
        self._sleep = sleep
        self._since = 0

    def after(self, work: int = 1) -> bool:
        """Take note of work that is done; whether it was time for a rest."""
        self._since += work
        if self._since < self._every:
            return False
        self._since = 0
        self._sleep(SECONDS)
        return True
