"""The rows of a CSV file. A quote without an end costs its own row, and no later row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from app.reviews.opening import each_line
from app.reviews.rows import BadFileError, BadRowError, Fault, Kind, check, kind_of, known_columns, resembles
from app.reviews.spelling import clean, repeated

MAX_FIELD = 1_000_000  # characters
MAX_REACH = 100_000  # characters that a row may take beyond its first line: a quote may never be closed
UNCLOSED = Fault("a quote that is opened and never closed", expected='one at the end of the field, "" within')
TOO_LONG = Fault(f"a field of more than {MAX_FIELD:,} characters")
TOO_MANY = Fault("more fields than the header has", expected="a quote around each field with a comma")


def csv_rows(
    pieces: Iterable[str],
) -> tuple[Sequence[str], Iterator[tuple[int, dict[str, str] | BadRowError]]]:
    """The columns, then (line, row or its fault). BadFileError: the header is none."""
    csv.field_size_limit(MAX_FIELD)
    coming = _Lines(each_line(pieces, newline=""))
    start, end, header = next(_records(coming, 0))
    if isinstance(header, BadRowError):
        raise BadFileError(f"no header: {header}", start + 1)
    names = [clean(name) for name in header]
    if twice := [name for name in repeated(names) if name in known_columns()]:
        raise BadFileError(f"the column {', '.join(twice)} stands twice, expected once", start + 1)
    return names, _rows(coming, end, names, kind_of(names))


class _Lines:
    """A file's lines by number, from 0. Lines are forgotten once passed."""

    def __init__(self, coming: Iterator[str]) -> None:
        self._coming = coming
        self._held: list[str] = []
        self._first = 0

    def has(self, number: int) -> bool:
        """Whether the file reaches so far."""
        while number >= self.read:
            if (line := next(self._coming, None)) is None:
                return False
            self._held.append(line)
        return True

    @property
    def read(self) -> int:
        """How many were read; all of the file's once it has no more."""
        return self._first + len(self._held)

    def between(self, start: int, end: int) -> Sequence[str]:
        return self._held[start - self._first : end - self._first]

    def forget(self, before: int) -> None:
        del self._held[: before - self._first]
        self._first = before


def _rows(
    lines: _Lines, at: int, names: Sequence[str], kind: Kind
) -> Iterator[tuple[int, dict[str, str] | BadRowError]]:
    while lines.has(at):
        for start, end, fields in _records(lines, at):
            at = end
            held = lines.between(start, end)
            if isinstance(fields, BadRowError) or _swallows(held, _row(fields, names), kind, names):
                yield start + 1, _row(_alone(held[0]), names)
                at = start + 1
                lines.forget(at)
                break  # what follows the line is read again, from a row's beginning
            yield start + 1, _row(fields, names)
            lines.forget(at)
        else:
            return


def _records(lines: _Lines, at: int) -> Iterator[tuple[int, int, list[str] | BadRowError]]:
    """(first line, line after the last, fields) of each record that is not blank, from line `at` on."""
    start, reach = at, 0

    def following() -> Iterator[str]:
        nonlocal reach
        number = at
        while lines.has(number):
            (line,) = lines.between(number, number + 1)
            reach = reach + len(line) if number > start else 0
            if reach > MAX_REACH:
                raise csv.Error
            yield line
            number += 1
        yield "\n"  # a record that reaches this line has an unclosed quote

    reader = csv.reader(following(), skipinitialspace=True)
    try:
        for fields in reader:
            end = at + reader.line_num
            if end > lines.read and start < lines.read:
                yield start, lines.read, BadRowError(UNCLOSED)
            elif fields:
                yield start, end, fields
            start = end
    except csv.Error:  # a field is too long, or a quote has swallowed too much
        yield start, start + 1, BadRowError(TOO_LONG)


def _alone(line: str) -> list[str] | BadRowError:
    """The fields of a line that has to be a record by itself."""
    reader = csv.reader([line, "\n"], skipinitialspace=True)
    try:
        fields = next(reader)
    except csv.Error:
        return BadRowError(TOO_LONG)
    return fields if reader.line_num == 1 else BadRowError(UNCLOSED)


def _swallows(
    lines: Sequence[str], row: dict[str, str] | BadRowError, kind: Kind, names: Sequence[str]
) -> bool:
    """Whether a line within a quoted field is a row itself."""
    if len(lines) == 1:
        return False
    likely = (line for line in lines[1:] if line.count(",") >= len(names) - 1)
    inner = (_row(_alone(line), names) for line in likely)
    if _well_formed(lines):
        return any(_fits(kind, each) for each in inner)
    return not _fits(kind, row) or any(
        not isinstance(each, BadRowError) and resembles(kind, each) for each in inner
    )


def _well_formed(lines: Sequence[str]) -> bool:
    """Whether a comma or the line's end follows each closing quote."""
    try:
        next(csv.reader(lines, skipinitialspace=True, strict=True))
    except csv.Error:
        return False
    return True


def _fits(kind: Kind, row: dict[str, str] | BadRowError) -> bool:
    try:
        return not isinstance(row, BadRowError) and bool(check(kind, row))
    except BadRowError:
        return False


def _row(fields: list[str] | BadRowError, names: Sequence[str]) -> dict[str, str] | BadRowError:
    if isinstance(fields, BadRowError):
        return fields
    return BadRowError(TOO_MANY) if len(fields) > len(names) else dict(zip(names, fields, strict=False))
