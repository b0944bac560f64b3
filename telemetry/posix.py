"""The parts of POSIX that telemetry uses: locks that end with their process, owners of files, forks.

Where a system lacks them, each process counts alone: all but the locks do nothing there.
"""

from __future__ import annotations

import errno
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0)
NOT_INHERITED: int = getattr(os, "O_CLOEXEC", 0)
NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)


def expect_locks() -> None:
    """Raise OSError where there are no locks, and so no files that several processes share."""
    if fcntl is None:
        raise OSError(
            errno.ENOTSUP, "this system has no fcntl.flock: each process counts, and is scraped, alone"
        )


def lock(file: int) -> bool:
    """Hold a file until it is closed; False where a process holds it for good. One that only asks (`is_held`)
    lets it go at once."""
    for _ in range(3):
        if _locked(file, exclusive=True):
            return True
        time.sleep(0.002)
    return False


def wait_for_lock(file: int) -> None:
    """Hold a file once nobody else does."""
    expect_locks()
    fcntl.flock(file, fcntl.LOCK_EX)


def is_held(file: int) -> bool:
    """Whether a process holds it."""
    return not _locked(file, exclusive=False)


def _locked(file: int, exclusive: bool) -> bool:
    expect_locks()
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_own(status: os.stat_result) -> bool:
    """Whether a file is this user's; true where files have no owner."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def at_fork(**calls: Callable[[], None]) -> None:
    """As os.register_at_fork()."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(**calls)


def in_children(method: Callable[[], Any]) -> None:
    """Call a method in each forked process, for as long as its object lives."""
    found = weakref.WeakMethod(method)
    at_fork(after_in_child=lambda: (call := found()) and call())


_HOLDERS: weakref.WeakSet[Any] = weakref.WeakSet()


def forkable_lock(holder: Any) -> threading.Lock:
    """A lock to keep in `holder._lock`. Each forked process gets a new one in its place: a thread of the
    parent, which the child has not, may hold it."""
    _HOLDERS.add(holder)
    return threading.Lock()


def _renew_locks() -> None:
    for holder in list(_HOLDERS):
        holder._lock = threading.Lock()


at_fork(after_in_child=_renew_locks)
