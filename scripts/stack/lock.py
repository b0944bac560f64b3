"""One command at a time changes a stack; the next one waits."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.stack.settings import Settings


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the lock of the run folder."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with (settings.run_dir / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
