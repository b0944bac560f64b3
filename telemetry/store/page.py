"""A page of memory with records: keys from its front, the numbers that they name from its back.

    first word    magic, on the first page when counting began (second word); 0 elsewhere
    each record   how many numbers and how long a key (written last), then the key
    from the end  the numbers, in the order of the records

So the numbers of all records of a page lie side by side: one call reads them all.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

SIZE = 256 * 1024
WORD = 8
MAGIC = b"RLCELLS2"
_HEAD = struct.Struct("<8sq")

Numbers: TypeAlias = Any
"""A view of float64; what the types of memoryview cannot say in every version."""


class CellsError(ValueError):
    """Memory that holds no records, or broken ones."""


class Placed(NamedTuple):
    """A record: its key, and where its numbers are among those of its page."""

    key: bytes
    page: int
    first: int
    length: int


class Page:
    """One page. Its writer adds records; readers scan for new ones."""

    def __init__(self, memory: Any, number: int = 0) -> None:
        self.number = number
        self._bytes = memoryview(memory).cast("B")
        self._words = self._bytes.cast("Q")
        self.numbers: Numbers = self._bytes.cast("d")[::-1]
        self.used = 0
        self._end = _HEAD.size if number == 0 else WORD

    def begin(self) -> int:
        """Make this the first page of a store; when it began, in ns."""
        began = time.time_ns()
        _HEAD.pack_into(self._bytes, 0, MAGIC, began)
        return began

    def began(self) -> int:
        """When the store of this first page began. Raises CellsError."""
        magic, began = _HEAD.unpack_from(self._bytes)
        if magic != MAGIC:
            raise CellsError("it does not begin as a file of cells does")
        return int(began)

    def fits(self, key: bytes, length: int) -> bool:
        """Whether a record fits."""
        return self._end + _size(len(key)) <= SIZE - (self.used + length) * WORD

    def add(self, key: bytes, length: int) -> Placed:
        """A new record with its numbers at 0; it must fit.

        Its first word is written last, in one store: a reader sees the complete record, or nothing.
        """
        at = self._end
        self._bytes[at + WORD : at + WORD + len(key)] = key
        self._words[at // WORD] = length << 32 | len(key)
        return self._placed(key, length)

    def scan(self) -> Iterator[Placed]:
        """The new records since the last scan. CellsError if one is broken, after the records before it."""
        while self._end + WORD <= SIZE - self.used * WORD and (head := self._words[self._end // WORD]):
            length, key_length = head >> 32, head & 0xFFFF_FFFF
            start = self._end + WORD
            key = bytes(self._bytes[start : start + key_length])
            if len(key) < key_length or not self.fits(key, length):
                raise CellsError(f"a record at {self._end} is longer than what is left of its page")
            yield self._placed(key, length)

    def _placed(self, key: bytes, length: int) -> Placed:
        first = self.used
        self._end += _size(len(key))
        self.used += length
        return Placed(key, self.number, first, length)

    def of(self, placed: Placed) -> Numbers:
        """The numbers of one record, to be read and written."""
        return self.numbers[placed.first : placed.first + placed.length]

    def read(self) -> list[float]:
        """The numbers of all records."""
        found: list[float] = self.numbers[: self.used].tolist()
        return found

    def has_sign(self) -> bool:
        """Whether a number is negative, or may be: the sign is the first bit of a number's last byte."""
        signs = self._bytes[SIZE - self.used * WORD + WORD - 1 :: WORD] if self.used else b""
        return not bytes(signs).isascii()


def is_blank(file: int) -> bool:
    """Whether nothing is in a file yet: a process is about to write, or was killed before it could."""
    if any(os.pread(file, WORD, 0)):
        return False
    start = os.pread(file, SIZE + 1, 0)
    return len(start) <= SIZE and not any(start)


def longest(length: int) -> int:
    """The longest key that any page has room for, with so many numbers."""
    return SIZE - _HEAD.size - WORD - length * WORD


def _size(key_length: int) -> int:
    return WORD + -(-key_length // WORD) * WORD
