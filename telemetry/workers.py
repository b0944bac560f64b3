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
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from telemetry.cells import Cells
from telemetry.guard import guard
from telemetry.reading import Reading, read
from telemetry.serieskey import check

STATE_DIR = ("REVIEWLENS_STATE_DIR", ".run/state")
ABANDONED_SECONDS = 24 * 3600
"""After which the files of another host are nobody's, where they lie in a folder that hosts share."""
_FOLDER = "workers"
_CELLS = ".cells"
_EXEMPLARS = ".exemplars"

_log = logging.getLogger("telemetry")


class Readings:
    """The files of other workers, each kept open and followed; for one thread at a time."""

    def __init__(self, suffix: str = _CELLS) -> None:
        """`suffix`: _EXEMPLARS for what lies beside the files of numbers."""
        self._suffix = suffix
        self._by_number: dict[int, Reading] = {}

    def of(self, worker: Worker) -> list[Reading]:
        """What they hold now, by number."""
        there = []
        for number in worker.others():
            reading = self._by_number.get(number)
            if reading is None:
                path = _path(worker.folder, number, self._suffix)
                reading = self._by_number[number] = Reading(path, number)
            with suppress(FileNotFoundError):
                reading.refresh()
                there.append(reading)
        return there


class Worker:
    """This process among its group: its number, its cells, and those of the others."""

    def __init__(self, folder: Path) -> None:
        """Take a number in a group's folder."""
        self.folder, self.number, self._file = _hold(folder)
        self.cells = Cells(self._file)
        self._readings, self._exemplars = Readings(), Readings(_EXEMPLARS)

    def rejoin(self, folder: Path) -> None:
        """In a process that was forked: a number of its own, counting from what is under it. Raises OSError
        where there is none to have; then it counts in memory, never in its parent's file."""
        os.close(self._file)
        try:
            self.folder, self.number, self._file = _hold(folder)
        except OSError:
            self.cells.move(None)
            raise
        self.cells.move(self._file)

    def leads(self) -> bool:
        """Whether no worker of a lower number lives: what is of the whole group is told by one."""
        return not any(_held(_path(self.folder, number)) for number in range(self.number))

    def readings(self, exemplars: bool = False) -> list[Reading]:
        """What every other worker that is, or was, has written until now, by number.

        What cannot be read of a file is left out, and counted as a fault.
        """
        there = (self._exemplars if exemplars else self._readings).of(self)
        for reading in there:
            if reading.error:
                guard.report(
                    "render", "%s: %s; what cannot be read of it is left out", reading.path, reading.error
                )
        return there

    def others(self) -> list[int]:
        """The numbers of the other workers that are, or were."""
        stems = [name.removesuffix(_CELLS) for name in _listed(self.folder) if name.endswith(_CELLS)]
        return sorted({int(stem) for stem in stems if stem.isdecimal()} - {self.number})

    def stores(self) -> list[Cells | Reading]:
        """The cells of all workers, this one's too, by number."""
        others = self.readings()
        lower = [reading for reading in others if reading.number < self.number]
        return [*lower, self.cells, *others[len(lower) :]]

    def exemplars(self) -> Cells:
        """The cells for the exemplars of this process, in a file beside the numbers. Raises OSError."""
        return Cells(self._exemplars_file())

    def move_exemplars(self, cells: Cells) -> None:
        """In a process that was forked, after rejoin(): go on in the file of its own number."""
        cells.move(self._exemplars_file())

    def _exemplars_file(self) -> int:
        """A new file: exemplars of a predecessor are nothing to keep."""
        path = _path(self.folder, self.number, _EXEMPLARS)
        path.unlink(missing_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


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


def _listed(folder: Path) -> list[str]:
    """What is in a folder, nothing once it is removed. Not by glob: where a folder cannot be opened, some
    versions of it raise and others find nothing."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - each scrape asks this
    except FileNotFoundError:
        return []


def _path(folder: Path, number: int, suffix: str = _CELLS) -> Path:
    return folder / f"{number}{suffix}"


def _hold(folder: Path) -> tuple[Path, int, int]:
    """A number and its file. One that is no good is put out of the way, and what can be read of it goes on
    in a new one. It is not emptied: others may read it, and what is cut from under a mapping kills them."""
    folder, number, file = _take(folder)
    path = _path(folder, number)
    found, error = _content(path)
    if error is None:
        return folder, number, file
    guard.report("record", "%s: %s; what cannot be read of it is lost", path, error)
    path.unlink(missing_ok=True)
    os.close(file)
    held = _hold(folder)
    cells = Cells(held[2])
    for key, numbers in found:
        cell = cells.cell(key, len(numbers))
        for at, amount in enumerate(numbers):
            cell.add(at, amount)
    return held


def _content(path: Path) -> tuple[list[tuple[bytes, list[float]]], Exception | None]:
    """What a file holds, up to where it is broken, and what is wrong there."""
    found = []
    try:
        for key, numbers in read(path):
            check(key, numbers)
            found.append((key, numbers))
    except (OSError, ValueError) as error:
        return found, error
    return found, None


def _take(folder: Path) -> tuple[Path, int, int]:
    """The lowest number whose file nobody holds, and the file, held until this process ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = 0
    while True:
        path = _path(folder, number)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(file):
            number += 1
        elif _is_at(file, path):
            return folder, number, file
        os.close(file)


def _lock(file: int) -> bool:
    """Hold a file, unless a process holds it for good; who only asks (`_held`) lets it go at once."""
    for _ in range(3):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.002)
        else:
            return True
    return False


def _is_at(file: int, path: Path) -> bool:
    """Whether nobody has put the file out of the way since it was opened."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _clean(own: Path) -> None:
    """Remove what groups have left that are no more."""
    for path in own.parent.glob("*-*-*"):
        if path != own and not _lives(path):
            shutil.rmtree(path, ignore_errors=True)


def _lives(path: Path) -> bool:
    try:
        host, parent, began = path.name.rsplit("-", 2)
        if any(map(_held, path.glob(f"*{_CELLS}"))):
            return True
        if host == socket.gethostname():
            return _exists(int(parent)) and _began(int(parent)) == began
        return time.time() - path.stat().st_mtime < ABANDONED_SECONDS
    except FileNotFoundError:  # another worker that starts has removed it
        return False
    except (OSError, ValueError):  # another user's, or none of ours
        return True


def _held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _began(pid: int) -> str:
    """When a process began, in a form that a clock that is set does not change; "" where none can be told."""
    if not Path("/proc/self/stat").exists():
        return _began_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{_boot()}.{fields[19]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:  # not in every container
        return ""


def _began_by_ps(pid: int) -> str:
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ".".join(shown.stdout.split()).replace(":", ".")
