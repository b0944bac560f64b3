"""Files of the service for their owner alone, whatever the umask.

In a folder that its maker shares with a group (set-group-ID, and the group may write, as Kubernetes makes a
volume with fsGroup) they are the group's too: the next pod may have another user.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_SHARED = stat.S_ISGID | stat.S_IWGRP


def folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing. One that is there stays as it is."""
    for missing in [part for part in (*reversed(path.parents), path) if not part.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)
        missing.chmod(0o700)  # a umask may take the owner's rights
    path.mkdir(exist_ok=True)  # says so where it is something else


def database(path: Path) -> None:
    """Make a SQLite file, whose -wal and -shm SQLite makes like it, and close those of ours that are open to
    others. What cannot be done is left to SQLite, which says why.

    One that is there is never opened: to close it again would end this process's locks on it.
    """
    with suppress(OSError):
        mode = _mode(path.parent)
        with suppress(FileExistsError):
            os.close(_made(path, mode))
        for part in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
            _close_to_others(part, mode)


def lock(path: Path) -> int:
    """Open a file that processes lock, and make it where it is missing. Raises OSError."""
    with suppress(FileExistsError):
        return _made(path, _mode(path.parent))
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def _mode(folder: Path) -> int:
    return 0o660 if folder.stat().st_mode & _SHARED == _SHARED else 0o600


def _made(path: Path, mode: int) -> int:
    made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    os.fchmod(made, mode)  # whatever the umask
    return made


def _close_to_others(path: Path, mode: int) -> None:
    with suppress(OSError):
        found = path.stat()
        if found.st_uid == os.geteuid() and stat.S_ISREG(found.st_mode) and found.st_mode & 0o777 != mode:
            path.chmod(mode)
