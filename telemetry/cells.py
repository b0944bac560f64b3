"""Numbers in memory that others can read: cells of float64, each under a key, private or in a mapped file.

What is written to a mapped file outlives the process, kill -9 too. One process writes a file, any may read.

    first chunk   magic, when counting began
    each record   how many numbers and how long a key (written last), the numbers, the key
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import threading
import time
from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from telemetry.guard import guard
from telemetry.serieskey import head_of

CHUNK = 256 * 1024
_MAGIC = b"RLCELLS1"
_HEAD = struct.Struct("<8sq")
_WORD = 8
_SKIP = 0xFFFF_FFFF_FFFF_FFFF
"""In place of a record: the rest of this chunk is empty."""


Numbers: TypeAlias = Any
"""A view of float64; what the types of memoryview cannot say in every version."""


class CellsError(ValueError):
    """A file that holds no cells."""


class Cell:
    """Some numbers under one key. One process writes them; its threads take turns."""

    __slots__ = ("_lock", "_numbers")

    def __init__(self, numbers: Numbers, lock: threading.Lock) -> None:
        self._numbers = numbers
        self._lock = lock

    def add(self, at: int, amount: float) -> None:
        """Add to one of the numbers."""
        with self._lock:
            self._numbers[at] += amount

    def add_two(self, at: int, amount: float, other: int, other_amount: float) -> None:
        """Add to two of the numbers at once."""
        with self._lock:
            self._numbers[at] += amount
            self._numbers[other] += other_amount

    def become(self, other: Cell) -> None:
        """Write where another cell writes; in a process just forked, before it has other threads."""
        self._numbers, self._lock = other._numbers, other._lock

    def __len__(self) -> int:
        return len(self._numbers)

    def read(self) -> list[float]:
        """All of them, at one moment of this process."""
        with self._lock:
            numbers: list[float] = self._numbers.tolist()
            return numbers


class Claim(NamedTuple):
    """A cell that a series has asked for; whether who asked is to write it, and to tell it as its own."""

    cell: Cell
    writes: bool
    tells: bool


class Cells:
    """The cells that this process writes; in a file they go on from what it holds."""

    def __init__(self, file: int | None = None) -> None:
        """`file` is open for reading and writing, and stays the caller's. Raises CellsError."""
        self._lock = threading.Lock()
        self._cells: dict[bytes, Cell] = {}
        self._claimed: set[bytes] = set()
        self._families: Counter[bytes] = Counter()
        self._open(file)

    def _open(self, file: int | None) -> None:
        self._file = file
        self._chunks: list[memoryview] = []
        self.began = time.time_ns()
        if file is not None and not _is_blank(file):
            self._go_on(os.fstat(file).st_size)
        else:
            self._grow()
            _HEAD.pack_into(self._chunks[0], 0, _MAGIC, self.began)
            self._end = _HEAD.size

    def move(self, file: int | None) -> None:
        """In a process that was forked: leave the numbers to the parent, and go on with those of a file, or
        in memory."""
        self._lock = threading.Lock()
        kept, self._cells = self._cells, {}
        self._families.clear()
        self._open(file)
        for key, cell in kept.items():
            there = self.cell(key, len(cell))
            cell.become(there)
            self._cells[key] = cell

    def cell(self, key: bytes, length: int) -> Cell:
        """The cell of this key, new ones at 0; one of this process alone where the file cannot grow."""
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                cell = self._cells.get(key) or self._added(key, length)
        return cell

    def _added(self, key: bytes, length: int) -> Cell:
        try:
            numbers = self._add(key, length)
        except (OSError, CellsError):
            guard.later("record")  # the counter of faults may need this lock
            numbers = memoryview(bytearray(length * _WORD)).cast("d")
        return self._kept(key, numbers)

    def _kept(self, key: bytes, numbers: Numbers) -> Cell:
        cell = self._cells[key] = Cell(numbers, self._lock)
        self._families[head_of(key)] += 1
        return cell

    def besides(self, told: Container[bytes]) -> list[tuple[bytes, list[float]]]:
        """What is here and is not told yet: an earlier process has left it, or it came just now."""
        with self._lock:
            left = [(key, cell) for key, cell in self._cells.items() if key not in told]
        return [(key, cell.read()) for key, cell in left]

    def claim(self, key: bytes, length: int, limit: float, instead: bytes) -> Claim:
        """The cell of this key; who asks first writes it. Where its instrument has `limit` keys, which other
        processes may have left, a new one counts under `instead`."""
        with self._lock:
            is_first = key not in self._claimed
            self._claimed.add(key)
            fits = key in self._cells or key == instead or self._families[head_of(key)] < limit
        return Claim(self.cell(key if fits else instead, length), is_first, fits)

    def _add(self, key: bytes, length: int) -> Numbers:
        size = _size(length, len(key))
        if size > CHUNK - _HEAD.size:
            raise CellsError(f"a key of {len(key)} bytes is too long")
        if self._end + size > CHUNK:
            self._grow()
            if self._end < CHUNK:
                _write(self._chunks[-2], self._end, _SKIP)
            self._end = 0
        chunk, at = self._chunks[-1], self._end
        start = at + _WORD + length * _WORD
        chunk[start : start + len(key)] = key
        _write(chunk, at, length << 32 | len(key))
        self._end += size
        return _numbers(chunk, at, length)

    def _grow(self) -> None:
        if self._file is None:
            self._chunks.append(memoryview(bytearray(CHUNK)))
            return
        # Written, not only made longer: on a full disk this fails; a store into a hole would be a SIGBUS.
        if os.pwrite(self._file, bytes(CHUNK), len(self._chunks) * CHUNK) < CHUNK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._chunks.append(memoryview(mmap.mmap(self._file, CHUNK, offset=len(self._chunks) * CHUNK)))

    def _go_on(self, size: int) -> None:
        assert self._file is not None  # noqa: S101 - size is 0 without one
        for offset in range(0, size - size % CHUNK, CHUNK):
            self._chunks.append(memoryview(mmap.mmap(self._file, CHUNK, offset=offset)))
        self.began = _began(self._chunks)
        for at, chunk in enumerate(self._chunks):
            self._end = _HEAD.size if at == 0 else 0
            for key, place, length in _records(chunk, self._end):
                self._kept(key, _numbers(chunk, place, length))
                self._end = place + _size(length, len(key))


def read(path: Path) -> Iterator[tuple[bytes, list[float]]]:
    """Every key of a file with its numbers now, while another process writes it.

    Raises CellsError where it ends or breaks: after all that can be read."""
    with path.open("rb") as opened:
        file = opened.fileno()
        if _is_blank(file):
            return
        size = os.fstat(file).st_size
        is_cut = any(os.pread(file, CHUNK, size - size % CHUNK)) and os.fstat(file).st_size == size
        chunks = [
            memoryview(mmap.mmap(file, CHUNK, offset=offset, access=mmap.ACCESS_READ))
            for offset in range(0, size - size % CHUNK, CHUNK)
        ]
    _began(chunks)
    for number, chunk in enumerate(chunks):
        for key, at, length in _records(chunk, _HEAD.size if number == 0 else 0):
            yield key, _numbers(chunk, at, length).tolist()
    if is_cut:
        raise CellsError(f"it ends in the middle, at {size} bytes")


def _is_blank(file: int) -> bool:
    """Whether nothing is in it yet: a process is about to write, or was killed before it could."""
    if any(os.pread(file, _WORD, 0)):
        return False
    start = os.pread(file, CHUNK + 1, 0)
    return len(start) <= CHUNK and not any(start)


def _began(chunks: list[memoryview]) -> int:
    magic, began = _HEAD.unpack_from(chunks[0]) if chunks else (b"", 0)
    if magic != _MAGIC:
        raise CellsError("it does not begin as a file of cells does")
    return int(began)


def _records(chunk: memoryview, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Key, place and length of every record that was written to its end."""
    words = chunk.cast("B").cast("Q")
    while at + _WORD <= CHUNK and (head := words[at // _WORD]) not in (0, _SKIP):
        length, key_length = head >> 32, head & 0xFFFF_FFFF
        size = _size(length, key_length)
        if at + size > CHUNK:
            raise CellsError(f"a record of {size} bytes at {at} is longer than what is left of its chunk")
        start = at + _WORD + length * _WORD
        yield bytes(chunk[start : start + key_length]), at, length
        at += size


def _numbers(chunk: memoryview, at: int, length: int) -> Numbers:
    first = at // _WORD + 1
    return chunk.cast("B").cast("d")[first : first + length]


def _write(chunk: memoryview, at: int, word: int) -> None:
    """One store: who reads sees all of it, or nothing."""
    chunk.cast("B").cast("Q")[at // _WORD] = word


def _size(length: int, key_length: int) -> int:
    return _WORD + length * _WORD + -(-key_length // _WORD) * _WORD
