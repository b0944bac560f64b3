"""Exemplars: for each bucket of a series the last value in a sampled span, in memory or in a file.

They lie beside the numbers, in cells of their own: recording without traces pays nothing for them.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from telemetry.store.cells import Cells
from telemetry.store.key import InstrumentKey

_FIELDS = struct.Struct("<8d")
WORDS = 9
"""The numbers of one exemplar: a checksum, for readers during a write; value, time, and the ids in parts of
32 bits, which float64 holds exactly.
"""
_SHIFTS = (96, 64, 32, 0)
_PART = 0xFFFF_FFFF

Span: TypeAlias = tuple[int, int]
"""Ids of a trace, and of a span in it."""
Offer: TypeAlias = Callable[[float, int], None]
"""Takes a value, and the place of its bucket."""


class Exemplar(NamedTuple):
    """A value, when it was recorded (in seconds since 1970), and in which span."""

    value: float
    seconds: float
    trace_id: int
    span_id: int

    @property
    def labels(self) -> dict[str, str]:
        """The ids as Prometheus and Grafana know them."""
        return {"trace_id": f"{self.trace_id:032x}", "span_id": f"{self.span_id:016x}"}


def exemplar_length(what: InstrumentKey) -> int:
    """How many numbers the exemplars of one series take."""
    return what.places * WORDS


class Exemplars:
    """The exemplars of this process's series. `span` gives the current span, if it may be shown."""

    def __init__(
        self, cells: Cells, span: Callable[[], Span | None], clock: Callable[[], float] = time.time
    ) -> None:
        self.cells = cells
        self._span = span
        self._clock = clock

    def of(self, key: bytes, places: int) -> Offer:
        """What takes the exemplars of a series with so many buckets."""
        cell, span, clock = self.cells.cell(key, places * WORDS), self._span, self._clock

        def offer(value: float, at: int) -> None:
            found = span()
            if found:
                words = _packed(value, clock(), *found)
                first = at * WORDS
                with cell.lock:
                    for place, word in enumerate(words, first):
                        cell.numbers[place] = word

        return offer

    def read(self, key: bytes, places: int) -> list[Exemplar | None]:
        """Those of a series, by bucket."""
        return list(unpacked(self.cells.cell(key, places * WORDS).read()))


def unpacked(words: Sequence[float]) -> Iterator[Exemplar | None]:
    """Exemplars from a cell's numbers; None if there is none, or one is being written."""
    for first in range(0, len(words), WORDS):
        check, *fields = words[first : first + WORDS]
        yield _unpacked(fields) if check and check == _check(fields) else None


def _packed(value: float, seconds: float, trace_id: int, span_id: int) -> list[float]:
    fields = [value, seconds]
    fields += [float(trace_id >> shift & _PART) for shift in _SHIFTS]
    fields += [float(span_id >> shift & _PART) for shift in _SHIFTS[2:]]
    return [_check(fields), *fields]


def _unpacked(fields: Sequence[float]) -> Exemplar:
    value, seconds, *parts = fields
    numbers = [int(part) for part in parts]
    trace_id = sum(part << shift for part, shift in zip(numbers[:4], _SHIFTS, strict=True))
    return Exemplar(value, seconds, trace_id, numbers[4] << 32 | numbers[5])


def _check(fields: Sequence[float]) -> float:
    return float(zlib.crc32(_FIELDS.pack(*fields)) + 1)
