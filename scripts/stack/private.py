"""Files and folders of the stack for their owner alone, and what to do where they cannot be written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from scripts.stack.errors import StackError
from telemetry import private

UMASK = private.OTHERS


def folder(path: Path) -> Path:
    """Make a folder and its missing parents. An existing folder stays as it is.

    StackError if this user cannot write there.
    """
    try:
        private.folder(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        raise _unwritable(path, "Permission denied")
    return path


def _unwritable(path: Path, why: str) -> StackError:
    return StackError(
        f"{path} cannot be written ({why}). REVIEWLENS_RUN_DIR and REVIEWLENS_DATA_DIR name other folders."
    )


def write(path: Path, text: str) -> Path:
    """Write a file of the stack's own, and the folders above it. StackError where a link is in its place."""
    folder(path.parent)
    try:
        descriptor = private.private_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError as error:
        raise _unwritable(path, "a link" if path.is_symlink() else error.strerror or str(error)) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    return path


def remove(folder: Path, files: Iterable[str]) -> None:
    """Remove these files below a folder, and their emptied folders.

    Everything else stays; a link is neither followed nor removed.
    """
    with suppress(FileNotFoundError):
        within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in files:
                _remove(within, PurePath(name).parts)
        finally:
            os.close(within)


def _remove(within: int, parts: Sequence[str]) -> None:
    """By descriptors, so that no link planted there leads elsewhere."""
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
