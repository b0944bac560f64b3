"""One command at a time changes a stack; the next one waits."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.stack import private
from scripts.stack.settings import StackSettings


@contextmanager
def alone(settings: StackSettings) -> Iterator[None]:
    """Hold the lock of the run folder."""
    path = private.write(settings.run_dir / "lock", "")
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
