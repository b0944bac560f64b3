"""One import at a time into a store: each starts from the result of the one before."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from app.faults import StoreError, explain
from telemetry.private import private_file

TURN_SECONDS = 0.05

_log = logging.getLogger("reviewlens.ingest")


@contextmanager
def alone(store: Path, unless: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Wait for other imports to end, then let none begin within the block. Yields whether to run the block.

    `unless`: a reason to skip the import, asked while it waits too. The kernel releases the lock of a killed
    process. StoreError if the lock's file cannot be made. SQLite's own lock would block shoppers' requests
    too.
    """
    with closing(_Lock(store.with_name(f"{store.name}-import"))) as lock:
        if not lock.taken():
            _log.warning("another import into %s is under way; waiting for its end", store)
            while not lock.taken():
                if unless():
                    yield False
                    return
                time.sleep(TURN_SECONDS)
        yield not unless()


class _Lock:
    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = private_file(path)
        except OSError as error:
            raise StoreError(explain(path, error), str(error.strerror)) from error

    def taken(self) -> bool:
        """Whether it is ours now."""
        with suppress(BlockingIOError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def close(self) -> None:
        """Let others in."""
        os.close(self._descriptor)
