"""The workers of one server on one machine: each has a number, and a file of cells that the others read.

A worker that comes takes the lowest number that is free, and goes on with the file of who had it: nothing
that was counted is lost by a kill, and there are never more files than there were workers at once.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from telemetry.guard import guard
from telemetry.posix import lock
from telemetry.private import private_file
from telemetry.store.cells import Cells
from telemetry.store.exemplars import exemplar_length
from telemetry.store.follower import Follower
from telemetry.store.reader import CellFile
from telemetry.workers.folders import CELLS, EXEMPLARS, LEAD, listed
from telemetry.workers.home import Home
from telemetry.workers.number import hold, path_of


class CellFiles:
    """The files of one kind of the other workers, each kept open, and followed once for all who read it."""

    def __init__(self, suffix: str, follower: Follower) -> None:
        self._suffix = suffix
        self.follower = follower
        self._by_path: dict[Path, CellFile] = {}

    def of(self, worker: Worker) -> list[CellFile]:
        """What they hold now, by number."""
        numbers = worker.other_workers()
        with self.follower.lock:
            return [file for number in numbers if (file := self._refreshed(worker.home, number))]

    def _refreshed(self, home: Path, number: int) -> CellFile | None:
        path = path_of(home, number, self._suffix)
        file = self._by_path.get(path)
        if file is None:
            file = self._by_path[path] = CellFile(path, number)
        with suppress(FileNotFoundError):
            file.refresh()
            return file
        return None


class Worker:
    """This process among its group: its number, its cells, and those of the others.

    Without a file it is alone, and its numbers are in memory; it still sees what other processes have counted
    in its `folder`. `serves`: requests come here, so that it may tell what is of the whole group.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Take a number in a group's folder, where one is given. Raises OSError."""
        self.folder: Path | None = None
        self.number = 0
        self.serves = False
        self.cells = Cells()
        self._has_other_workers = False
        self._file: int | None = None
        self._home: Home | None = None
        self._leading: int | None = None
        self.files = CellFiles(CELLS, Follower())
        self.exemplar_files = CellFiles(EXEMPLARS, Follower(exemplar_length))
        if folder:
            self.join(folder)

    @property
    def home(self) -> Path:
        """The group's folder. Only who has one may be asked."""
        if self.folder is None:
            raise LookupError("this process has no group")
        return self.folder

    @property
    def is_filed(self) -> bool:
        """Whether its numbers are where others can read them."""
        return self._file is not None

    def join(self, folder: Path, first: int = 0) -> None:
        """Take a number, from `first` on, and go on counting from what is under it; what was counted until
        now is left. Raises OSError where there is none to have; then it counts in memory."""
        self.leave()
        try:
            self.folder, self.number, self._file = hold(folder, first)
            self._home = Home(path_of(self.folder, self.number), self._file)
        except OSError:
            self.cells.move(None)
            raise
        self.cells.move(self._file)

    def leave(self) -> None:
        """Give number and lead back."""
        for file in (self._file, self._leading):
            if file is not None:
                os.close(file)
        if self._home:
            self._home.close()
        self._file = self._leading = self._home = None
        self.serves = self._has_other_workers = False

    def forked(self) -> None:
        """In a process just forked: leave all that is its parent's."""
        self.leave()
        self.folder = None
        self.files.follower.forked()
        self.exemplar_files.follower.forked()

    def leads(self) -> bool:
        """Whether to tell what is of the whole group: one of those that serve does."""
        if not self.is_filed:
            return self.serves or not self.other_workers()
        return self.serves and self._holds_lead()

    def _holds_lead(self) -> bool:
        if self._leading is None:
            file = private_file(self.home / LEAD)
            if lock(file):
                self._leading = file
            else:
                os.close(file)
        return self._leading is not None

    def readings(self, exemplars: bool = False) -> list[CellFile]:
        """What every other worker that is, or was, has written until now, by number.

        What cannot be read of a file is left out, and counted as a fault.
        """
        there = (self.exemplar_files if exemplars else self.files).of(self)
        for reading in there:
            if reading.error:
                guard.report(
                    "render", "%s: %s; what cannot be read of it is left out", reading.path, reading.error
                )
        return there

    def keep_home(self) -> None:
        """See that the group's folder is where its workers look for it. Raises OSError."""
        if self._home:
            self._home.keep()

    def other_workers(self) -> list[int]:
        """The numbers of the other workers that are, or were. Raises OSError where they cannot be known."""
        self.keep_home()
        try:
            names = listed(self.folder) if self.folder else []
        except OSError:
            if self.is_filed or self._has_other_workers:
                raise  # without them every total would seem to fall
            names = []
        self._has_other_workers = self._has_other_workers or bool(names)
        stems = [name.removesuffix(CELLS) for name in names if name.endswith(CELLS)]
        own = {self.number} if self.is_filed else set()
        return sorted({int(stem) for stem in stems if stem.isdecimal()} - own)

    def stores(self) -> list[Cells | CellFile]:
        """The cells of all workers, this one's too, by number."""
        return self._among(self.readings())

    def follow(self) -> None:
        """Tell who follows the files what has come; what is wrong with one is for a scrape to say."""
        self.files.follower.follow(self._among(self.files.of(self)))

    def _among(self, others: list[CellFile]) -> list[Cells | CellFile]:
        lower = [file for file in others if file.number < self.number]
        return [*lower, self.cells, *others[len(lower) :]]

    def exemplars(self) -> Cells:
        """The cells for the exemplars of this process, in a file beside the numbers. Raises OSError."""
        return Cells(self._exemplars_file())

    def move_exemplars(self, cells: Cells) -> None:
        """After join(): go on in the file of its own number. Raises OSError."""
        cells.move(self._exemplars_file())

    def _exemplars_file(self) -> int | None:
        """A new file: exemplars of a predecessor are nothing to keep. None where it is alone."""
        if not self.is_filed:
            return None
        path = path_of(self.home, self.number, EXEMPLARS)
        path.unlink(missing_ok=True)
        return private_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
