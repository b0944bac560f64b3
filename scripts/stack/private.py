"""Files and folders for their owner alone, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path

UMASK = 0o077


def folder(path: Path) -> Path:
    """Make a folder, and those above it, where they are missing. One that is there stays as it is."""
    for missing in [part for part in (*reversed(path.parents), path) if not part.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)
    return path


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
