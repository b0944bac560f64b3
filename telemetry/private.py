"""Folders and files for their owner alone, whatever the umask."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_OTHERS = 0o077

_WARNED = "_TELEMETRY_WARNED_FOLDER"  # inherited by the processes that this one starts

_log = logging.getLogger("telemetry")


def state_folder(path: Path) -> Path:
    """Make the folder, for its owner alone. One that is there stays as it is; see `warn_of`. Raises
    OSError."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _made(path) and not path.is_dir():
            raise NotADirectoryError(20, "Not a directory", str(path))
    return path


def warn_of(path: Path) -> None:
    """One line where a user's folder is open to everybody, from the first process of a command that looks.
    A group's own folder, as of a volume with fsGroup, is no fault: the files are for their owner alone."""
    mode, name = stat.S_IMODE(path.stat().st_mode), str(path.absolute())
    if mode & stat.S_IRWXO and os.environ.get(_WARNED) != name:
        os.environ[_WARNED] = name
        _log.warning(
            "the state folder %s is open to other users (mode %04o): it is left so, and what is made in it "
            "is for its owner alone; `chmod o-rwx` closes it",
            name,
            mode,
        )


def private_folder(path: Path) -> Path:
    """A folder of our own, for its owner alone, also where an earlier release has left it open. Raises
    OSError; PermissionError where it is a link or another user's."""
    if _made(path):
        return path
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) and not stat.S_ISLNK(found.st_mode):
        raise NotADirectoryError(20, "Not a directory", str(path))
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(1, "a link, or another user's folder", str(path))
    if stat.S_IMODE(found.st_mode) & _OTHERS:
        path.chmod(FOLDER_MODE)
    return path


def private_file(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file of our own, which is made for its owner alone; never through a link. Raises OSError."""
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    if stat.S_IMODE(os.fstat(file).st_mode) != FILE_MODE:
        with suppress(OSError):  # another user's
            os.fchmod(file, FILE_MODE)
    return file


def _made(path: Path) -> bool:
    """Whether the folder is made just now. Its mode is set once more: a umask may take the owner's rights."""
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        return False
    path.chmod(FOLDER_MODE)
    return True
