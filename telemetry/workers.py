"""The workers of one server on one machine: each has a number, and a file of cells that the others read.

A worker that comes takes the lowest number that is free, and goes on with the file of who had it: nothing
that was counted is lost by a kill, and there are never more files than there were workers at once.
"""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from telemetry.cells import Cells, CellsError, read
from telemetry.guard import guard

STATE_DIR = ("REVIEWLENS_STATE_DIR", ".run/state")
ABANDONED_SECONDS = 24 * 3600
"""After which the files of another host are nobody's, where they lie in a folder that hosts share."""
_FOLDER = "workers"
_FILES = "*.cells"

T = TypeVar("T")

_log = logging.getLogger("telemetry")


class Worker:
    """This process among its group: its number, and its cells."""

    def __init__(self, folder: Path) -> None:
        """Take a number in a group's folder."""
        self._folder, self.number, self._file = _take(folder)
        self.cells = self._open(Cells)

    def rejoin(self, folder: Path) -> None:
        """In a process that was forked: a number of its own, counting from what is under it."""
        os.close(self._file)
        self._folder, self.number, self._file = _take(folder)
        self._open(self.cells.move)

    def _open(self, opened: Callable[[int], T]) -> T:
        try:
            return opened(self._file)
        except CellsError as error:
            _log.error("%s: %s; what it held is lost, counting begins anew", self._path, error)
            guard.count_fault("record")
            os.ftruncate(self._file, 0)
            return opened(self._file)

    @property
    def _path(self) -> Path:
        return _path(self._folder, self.number)

    def others(self) -> Iterator[tuple[bytes, list[float]]]:
        """Every key and its numbers: of every other worker that is, or was, and of who had this number.

        A file that cannot be read is left out, and counted as a fault.
        """
        yield from self.cells.unclaimed()
        for path in sorted(self._folder.glob(_FILES)):
            if path != self._path:
                try:
                    yield from list(read(path))
                except (OSError, CellsError) as error:
                    _log.error("%s: %s; what it holds is left out", path, error)
                    guard.count_fault("render")


def join(environ: Mapping[str, str]) -> Worker | None:
    """Become a worker, where this process is one of several; None where it is the only one.

    Raises OSError where the state folder cannot be used.
    """
    if not is_worker(environ):
        return None
    own = group(environ)
    _clean(own)
    return Worker(own)


def is_worker(environ: Mapping[str, str]) -> bool:
    """Whether a supervisor has started this process: uvicorn's and ours spawn, gunicorn forks."""
    by_gunicorn = environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")
    return by_gunicorn or multiprocessing.parent_process() is not None


def group(environ: Mapping[str, str]) -> Path:
    """The folder of all that have this process's parent: two servers never mix, and none goes on with the
    numbers of an earlier one."""
    parent = os.getppid()
    name = f"{socket.gethostname()}-{parent}-{_began(parent)}"
    return Path(environ.get(STATE_DIR[0]) or STATE_DIR[1]) / _FOLDER / name


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number}.cells"


def _take(folder: Path) -> tuple[Path, int, int]:
    """The lowest number whose file nobody holds, and the file, held until this process ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = 0
    while True:
        file = os.open(_path(folder, number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return folder, number, file
        except BlockingIOError:
            os.close(file)
            number += 1


def _clean(own: Path) -> None:
    """Remove what groups have left that are no more."""
    for path in own.parent.glob("*-*-*"):
        if path != own and not _lives(path):
            shutil.rmtree(path, ignore_errors=True)


def _lives(path: Path) -> bool:
    host, parent, began = path.name.rsplit("-", 2)
    if any(map(_held, path.glob(_FILES))):
        return True
    if host == socket.gethostname():
        return _began(int(parent)) == began
    return time.time() - path.stat().st_mtime < ABANDONED_SECONDS


def _held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _began(pid: int) -> str:
    """When a process began, in a form that a clock that is set does not change; "" where there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return f"{boot}.{fields[19]}"
    except FileNotFoundError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ".".join(shown.stdout.split()).replace(":", ".")
