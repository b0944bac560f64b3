"""Files and folders for their owner alone, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.stack.errors import StackError

UMASK = 0o077


def folder(path: Path) -> Path:
    """Make a folder, and those above it, where they are missing. One that is there stays as it is.

    StackError where this user cannot write there.
    """
    try:
        for missing in [part for part in (*reversed(path.parents), path) if not part.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        writable = path.is_dir() and os.access(path, os.W_OK | os.X_OK, effective_ids=True)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if not writable:
        raise _unwritable(path, "Permission denied" if path.is_dir() else "Not a directory")
    return path


def _unwritable(path: Path, why: str) -> StackError:
    return StackError(
        f"{path} cannot be written ({why}). REVIEWLENS_RUN_DIR and REVIEWLENS_DATA_DIR name other folders."
    )


def write(path: Path, text: str) -> Path:
    """Write a file of the stack's own, and the folders above it."""
    folder(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text.encode("utf-8", "surrogateescape"))
    return path


def warning(path: Path) -> str:
    """One line where a folder is open to others; "" where it is not."""
    mode = path.stat().st_mode & 0o777
    if not mode & UMASK:
        return ""
    return (
        f"{path} is open to other users (mode {mode:04o}), and holds logs and settings: chmod 700 closes it."
    )
