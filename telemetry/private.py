"""Folders and files for their owner alone, whatever the umask.

In a folder that its maker shares with a group (set-group-ID, and the group may write, as Kubernetes makes a
volume with fsGroup) files are the group's too: the next pod may have another user.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from telemetry import posix

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = 0o077

_GROUPS = 0o660
_SHARED = stat.S_ISGID | stat.S_IWGRP
_WARNED = "_TELEMETRY_WARNED_FOLDER"  # inherited by the processes that this one starts

_log = logging.getLogger("telemetry")


def folder(path: Path) -> Path:
    """Make a folder, and those above it, where they are missing. One that is there stays as it is; see
    `warn_of`. Raises OSError, which says of a link that its target is missing."""
    for part in (*reversed(path.parents), path):
        if not part.is_dir() and not _made(part) and not part.is_dir():
            if part.is_symlink():
                missing = f"{part} is a link, and its target {part.readlink()} is missing"
                raise FileNotFoundError(errno.ENOENT, missing, str(part))
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(part))
    return path


def warn_of(path: Path) -> None:
    """The line of `openness`, from the first process of a command that looks."""
    if (line := openness(path)) and os.environ.get(_WARNED) != str(path.absolute()):
        os.environ[_WARNED] = str(path.absolute())
        _log.warning("%s", line)


def openness(path: Path) -> str:
    """One line where a user's folder is open to everybody, else "". A group's own folder, as of a volume with
    fsGroup, is no fault."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & stat.S_IRWXO:
        return ""
    return (
        f"the folder {path.absolute()} is open to other users (mode {mode:04o}): it is left so, and what is "
        "made in it is for its owner alone; `chmod o-rwx` closes it"
    )


def private_folder(path: Path) -> Path:
    """A folder of our own, for its owner alone, also where an earlier release has left it open. Raises
    OSError; PermissionError where it is a link or another user's."""
    if _made(path):
        return path
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) and not stat.S_ISLNK(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(path))
    if stat.S_ISLNK(found.st_mode) or not posix.is_own(found):
        raise PermissionError(errno.EPERM, "a link, or another user's folder", str(path))
    if stat.S_IMODE(found.st_mode) & OTHERS:
        path.chmod(FOLDER_MODE)
    return path


def private_file(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file of our own, which is made for its owner alone; never through a link. Raises OSError."""
    mode = _file_mode(path.parent)
    file = os.open(path, flags | posix.NOT_INHERITED | posix.NO_LINKS, mode)
    if stat.S_IMODE(os.fstat(file).st_mode) != mode:
        with suppress(OSError):  # another user's
            os.fchmod(file, mode)
    return file


def close_to_others(path: Path) -> None:
    """Take a file of ours from others, without opening it. Raises OSError."""
    mode, found = _file_mode(path.parent), path.stat()
    if posix.is_own(found) and stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)


def _file_mode(parent: Path) -> int:
    return _GROUPS if parent.stat().st_mode & _SHARED == _SHARED else FILE_MODE


def _made(path: Path) -> bool:
    """Whether the folder is made just now. Its mode is set once more: a umask may take the owner's rights."""
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        return False
    path.chmod(FOLDER_MODE)
    return True
