"""The numbers that this process writes: cells of float64, each under a key, private or in a mapped file.

Numbers in a mapped file outlive the process, kill -9 too. One process writes a file, any may read it
(reader.py).
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from telemetry.guard import guard
from telemetry.posix import forkable_lock
from telemetry.store.key import head_of
from telemetry.store.page import SIZE, Numbers, Page, Placed, is_blank, longest


class Cell:
    """Some numbers under one key. One process writes them; its threads take turns, by `lock`.

    `before`: set while this process does not count yet. It is called before the first amount, and gives the
    cell a place to write.
    """

    __slots__ = ("before", "key", "lock", "numbers")

    def __init__(
        self, key: bytes, numbers: Numbers, lock: threading.RLock, before: Callable[[], None] | None = None
    ) -> None:
        self.key = key
        self.numbers = numbers
        self.lock = lock
        self.before = before

    def add(self, at: int, amount: float) -> None:
        """Add to one of the numbers."""
        if self.before is not None:
            if not amount:
                return
            self.before()
        with self.lock:
            self.numbers[at] += amount

    def add_two(self, at: int, amount: float, other: int, other_amount: float) -> None:
        """Add to two of the numbers at once."""
        if self.before is not None:
            self.before()
        with self.lock:
            self.numbers[at] += amount
            self.numbers[other] += other_amount

    def become(self, other: Cell) -> None:
        """Write where another cell writes; nothing is added meanwhile."""
        self.numbers, self.lock = other.numbers, other.lock

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self) -> list[float]:
        """All its numbers, at one moment of this process."""
        with self.lock:
            numbers: list[float] = self.numbers.tolist()
            return numbers


class Claim(NamedTuple):
    """The cell of a series. `writes`: whoever claimed it updates it. `exports`: and reports it."""

    cell: Cell
    writes: bool
    exports: bool


class Cells:
    """The cells that this process writes; in a file they continue from its numbers."""

    def __init__(self, file: int | None = None) -> None:
        """`file` is open for reading and writing, and stays the caller's. Raises CellsError."""
        self._lock = forkable_lock(self)
        self._cells: dict[bytes, Cell] = {}
        self._claimed: set[bytes] = set()
        self._by_head: dict[bytes, list[Cell]] = {}
        self._before: Callable[[], None] | None = None
        self.generation = -1
        self._open(file)

    def _open(self, file: int | None) -> None:
        """Begin with the pages of a file, or with a page in memory.

        A signal handler may record while its own thread records, so the cells' lock is reentrant.
        """
        self._file = file
        self._writing = threading.RLock()
        self._pages: list[Page] = []
        self._spare: Page | None = None
        self._in_file = 0
        self.placed: list[Placed] = []
        self.generation += 1
        if file is not None and not is_blank(file):
            self._go_on(file)
        else:
            self.began = self._grow().begin()

    def _go_on(self, file: int) -> None:
        for at in range(os.fstat(file).st_size // SIZE):
            page = self._mapped(file, at)
            if at == 0:
                self.began = page.began()
            for placed in page.scan():
                self._kept(placed)

    def pause(self, before: Callable[[], None]) -> None:
        """Write nothing until the first amount: then `before` is called, which is to move() or resume(). Call
        it before other threads write, as in a process just forked.
        """
        self._set_before(before)

    def resume(self) -> None:
        """Write again."""
        with self._lock:
            self._set_before(None)

    def _set_before(self, before: Callable[[], None] | None) -> None:
        self._before = before
        for cell in self._cells.values():
            cell.before = before

    def move(self, file: int | None) -> None:
        """Leave the numbers, and go on with those of a file, or in memory. Nothing is added meanwhile: this
        process was just forked, or paused."""
        with self._lock:
            kept, self._cells = self._cells, {}
            self._by_head.clear()
            self._open(file)
            for key, cell in kept.items():
                cell.become(self._cells.get(key) or self._added(key, len(cell)))
                self._cells[key] = cell
            self._set_before(None)

    def cell(self, key: bytes, length: int) -> Cell:
        """The cell of this key, at 0 if it is new. If the file cannot grow, the cell is this
        process's alone.
        """
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                cell = self._cells.get(key) or self._added(key, length)
        return cell

    def claim(self, key: bytes, length: int, limit: float, instead: bytes) -> Claim:
        """The cell of this key; the first caller writes it.

        If its instrument has `limit` keys, other processes' included, a new key counts under `instead`.
        """
        with self._lock:
            is_first = key not in self._claimed
            self._claimed.add(key)
            fits = key in self._cells or key == instead or len(self._by_head.get(head_of(key), ())) < limit
        return Claim(self.cell(key if fits else instead, length), is_first, fits)

    def besides(
        self, exported: Container[bytes], among: Callable[[bytes], bool] = lambda _: True
    ) -> list[tuple[bytes, list[float]]]:
        """New cells not exported yet: left by an earlier process, or just created. `among` selects them by
        the heads of their keys.
        """
        with self._lock:
            left = [
                cell
                for head, cells in self._by_head.items()
                if among(head)
                for cell in cells
                if cell.key not in exported
            ]
        return [(cell.key, cell.read()) for cell in left]

    def numbers(self) -> Iterator[list[float]]:
        """The numbers of every page, as `placed` says where; of each series at one moment of this process."""
        return map(self._read, self._pages)

    def _read(self, page: Page) -> list[float]:
        with self._writing:
            return page.read()

    def is_doubtful(self) -> bool:
        """This process's own numbers are not doubted."""
        return False

    def _added(self, key: bytes, length: int) -> Cell:
        if len(key) > longest(length):
            guard.later("record")
            return Cell(key, memoryview(bytearray(length * 8)).cast("d"), self._writing, self._before)
        return self._kept(self._room(key, length).add(key, length))

    def _kept(self, placed: Placed) -> Cell:
        key = placed.key
        cell = self._cells[key] = Cell(key, self._pages[placed.page].of(placed), self._writing, self._before)
        self.placed.append(placed)
        self._by_head.setdefault(head_of(key), []).append(cell)
        return cell

    def _room(self, key: bytes, length: int) -> Page:
        """A page with room: the file's last, a new one, or, if the file cannot grow, one in memory."""
        last = self._pages[-1]
        if last is not self._spare and last.fits(key, length):
            return last
        try:
            return self._grow()
        except OSError:
            guard.later("record")  # the counter of faults may need this lock
        if self._spare is None or not self._spare.fits(key, length):
            self._spare = self._page(bytearray(SIZE))
        return self._spare

    def _grow(self) -> Page:
        if self._file is None:
            return self._page(bytearray(SIZE))
        # Written, not only made longer: on a full disk this fails; a store into a hole would be a SIGBUS.
        if os.pwrite(self._file, bytes(SIZE), self._in_file * SIZE) < SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._mapped(self._file, self._in_file)

    def _mapped(self, file: int, at: int) -> Page:
        page = self._page(mmap.mmap(file, SIZE, offset=at * SIZE))
        self._in_file += 1
        return page

    def _page(self, memory: bytearray | mmap.mmap) -> Page:
        self._pages.append(Page(memory, len(self._pages)))
        return self._pages[-1]
