"""The cells that another process writes, or has written, read from its file again and again."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from telemetry.store.page import SIZE, CellsError, Page, Placed, is_blank


class CellFile:
    """A file of cells, kept mapped: each refresh() takes in the records since the last.

    `placed`: the records; if another file replaces this one they start over, and `generation` rises. `error`:
    the file's fault, after all readable records.
    """

    def __init__(self, path: Path, number: int = 0) -> None:
        """`number` is whose file it is."""
        self.path, self.number = path, number
        self.generation = 0
        self.placed: list[Placed] = []
        self.error: Exception | None = None
        self._pages: list[Page] = []
        self._known = (0, 0, 0)
        self._name = str(path)

    def refresh(self) -> None:
        """Take in new records. FileNotFoundError if the file is gone."""
        self.error = None
        try:
            self._map()
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            self.error = error
        try:
            for page in self._pages:
                self.placed.extend(page.scan())
        except ValueError as error:
            self.error = error

    def numbers(self) -> Iterator[list[float]]:
        """The numbers of every page now, as `placed` says where."""
        return map(Page.read, self._pages)

    def is_doubtful(self) -> bool:
        """Whether a number is negative, which no counting leads to."""
        return any(page.has_sign() for page in self._pages)

    def _map(self) -> None:
        """Map the growth of the file; all of it again if the file was replaced or cut."""
        status = os.stat(self._name)  # noqa: PTH116 - each scrape asks this of each file
        if not stat.S_ISREG(status.st_mode):  # opening a FIFO would wait for a writer
            raise CellsError("no regular file")
        found = (status.st_dev, status.st_ino, status.st_size)
        if found == self._known:
            return
        with self.path.open("rb") as opened:
            file = opened.fileno()
            if found[:2] != self._known[:2] or found[2] < self._known[2]:
                self._forget()
            if is_blank(file):
                return
            whole, rest = divmod(os.fstat(file).st_size, SIZE)
            self._add(file, whole)
            if rest and any(os.pread(file, SIZE, whole * SIZE)):
                raise CellsError(f"it ends in the middle, at {whole * SIZE + rest} bytes")
            self._known = found

    def _add(self, file: int, whole: int) -> None:
        there = len(self._pages)
        if there < whole:
            memory = mmap.mmap(file, (whole - there) * SIZE, offset=there * SIZE, access=mmap.ACCESS_READ)
            view = memoryview(memory)
            pages = [Page(view[at * SIZE : (at + 1) * SIZE], there + at) for at in range(whole - there)]
            if there == 0:
                pages[0].began()
            self._pages += pages
        elif not whole:
            raise CellsError("it does not begin as a file of cells does")

    def _forget(self) -> None:
        self._pages, self.placed = [], []
        self.generation += 1


def read(path: Path) -> Iterator[tuple[bytes, list[float]]]:
    """Every key of a file with its numbers now, while another process writes it.

    Raises CellsError where it ends or breaks, after all that can be read."""
    reading = CellFile(path)
    reading.refresh()
    numbers = list(reading.numbers())
    for key, page, first, length in reading.placed:
        yield key, numbers[page][first : first + length]
    if reading.error:
        raise reading.error
