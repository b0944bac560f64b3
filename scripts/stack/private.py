"""Files and folders for their owner alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from scripts.stack.errors import StackError

UMASK = 0o077


def folder(path: Path) -> Path:
    """Make a folder, and those above it, where they are missing. One that is there stays as it is.

    StackError where this user cannot write there.
    """
    try:
        make(path)
        writable = path.is_dir() and os.access(path, os.W_OK | os.X_OK, effective_ids=True)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if not writable:
        raise _unwritable(path, "Permission denied" if path.is_dir() else "Not a directory")
    return path


def make(path: Path) -> None:
    """The same without a look at what is there. Raises OSError."""
    for missing in [part for part in (*reversed(path.parents), path) if not part.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)
        missing.chmod(0o700)  # a umask may take the owner's rights


def _unwritable(path: Path, why: str) -> StackError:
    return StackError(
        f"{path} cannot be written ({why}). REVIEWLENS_RUN_DIR and REVIEWLENS_DATA_DIR name other folders."
    )


def write(path: Path, text: str) -> Path:
    """Write a file of the stack's own, and the folders above it. StackError where a link is in its place."""
    folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, "a link" if path.is_symlink() else error.strerror or str(error)) from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text.encode("utf-8", "surrogateescape"))
    return path


def remove(folder: Path, files: Iterable[str]) -> None:
    """Remove these files below a folder, and the folders on their way that are empty then.

    Whatever else is there stays, and a link is neither followed nor removed.
    """
    with suppress(FileNotFoundError):
        within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in files:
                _remove(within, PurePath(name).parts)
        finally:
            os.close(within)


def _remove(within: int, parts: Sequence[str]) -> None:
    """By descriptors, so that no link that somebody puts there leads elsewhere."""
    name, *rest = parts
    with suppress(OSError):  # it is not there, is a folder, is not empty
        if not rest:
            if not stat.S_ISLNK(os.stat(name, dir_fd=within, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=within)
            return
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
        try:
            _remove(inner, rest)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=within)


def warning(path: Path) -> str:
    """One line where a folder is open to others; "" where it is not."""
    mode = path.stat().st_mode & 0o777
    if not mode & UMASK:
        return ""
    return (
        f"{path} is open to other users (mode {mode:04o}), and holds logs and settings: chmod 700 closes it."
    )
