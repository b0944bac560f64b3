"""The folder of a group of workers, held open: somebody may move it away while they serve."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from telemetry.guard import guard
from telemetry.workers import folders as groupfolders

_AGAIN = "what its workers have counted cannot be added up any more; restart the service"


class Home:
    """A group's folder, and the file that this process has in it. Raises OSError."""

    def __init__(self, path: Path, file: int) -> None:
        """`file`: of this worker, open; `path` is where it lies."""
        self._path, self._file = path, file
        self._opened = _open(path.parent)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the folder go; the file is another's to close."""
        os.close(self._opened)

    def keep(self) -> None:
        """See that both are where other workers look for them. A folder that was moved away is put back by
        links to its files, where they go on as if nothing had been, and one line says so. Raises OSError
        where it cannot be put back: without what is in it every total would seem to fall."""
        with self._lock:
            if _is(self._opened, self._path.parent) and _is(self._file, self._path):
                return
            self._put_back()
            os.close(self._opened)
            self._opened = _open(self._path.parent)

    def _put_back(self) -> None:
        folder = self._path.parent
        if _is(self._file, self._path):  # another worker has put it back
            return
        try:
            groupfolders.make(folder)
            groupfolders.link(self._opened, folder)
        except OSError as error:
            raise OSError(f"{folder} was moved, and cannot be put back ({error}): {_AGAIN}") from None
        if not _is(self._file, self._path):
            raise OSError(f"{folder} was removed: {_AGAIN}")
        guard.report("render", "%s was moved while workers count there; its files are linked back", folder)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _is(opened: int, path: Path) -> bool:
    """Whether what is open is what stands there."""
    try:
        return os.path.samestat(os.fstat(opened), os.stat(path))  # noqa: PTH116 - each scrape asks this
    except FileNotFoundError:
        return False
