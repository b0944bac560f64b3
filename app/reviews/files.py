"""Reading the review files: CSV, JSON and JSON Lines, with the line of every row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.reviews.models import Factor, Question, Review
from app.reviews.rows import TELLING, BadRowError, Fault, Kind, check, columns, required, shown

SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson")
MAX_FIELD = 1_000_000
NAMES = 8
SPACE = " \t\r\n"
UNREADABLE = "JSON that cannot be read: nested too deep, or a number too long"


class BadFileError(ValueError):
    """A file of which nothing can be taken, with the line where that showed."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Problem:
    """Why a row, or with `whole_file` all of a file, was not taken."""

    file: Path
    line: int
    faults: tuple[Fault, ...]
    whole_file: bool = False

    @classmethod
    def of_file(cls, file: Path, error: BadFileError) -> Problem:
        """All of a file is not taken."""
        return cls(file, error.line, (Fault(str(error)),), whole_file=True)

    @classmethod
    def of_row(cls, file: Path, line: int, error: BadRowError) -> Problem:
        """One row is not taken."""
        return cls(file, line, tuple(error.faults))

    @property
    def reason(self) -> str:
        """All faults in words."""
        return "; ".join(map(str, self.faults))


@dataclass(frozen=True)
class Row:
    """A checked row and its line in the file."""

    line: int
    value: Factor | Question | Review


@dataclass
class Contents:
    """A file, read: the rows that are good, and why others are not."""

    path: Path
    kind: Kind | None = None
    size: int = 0
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()


def read(path: Path) -> Contents:
    """Read a file of any kind. Never raises: what is wrong stands in `problems`."""
    contents = Contents(path)
    try:
        data = path.read_bytes()
        contents.size = len(data)
        _fill(contents, list(_raw(path, _decoded(data))))
    except OSError as error:
        _reject(contents, BadFileError(f"cannot be read: {error.strerror}"))
    except BadFileError as error:
        _reject(contents, error)
    return contents


def read_factors(path: Path) -> tuple[Factor, ...]:
    """The good rows of a factors file."""
    return tuple(row.value for row in read(path).rows if isinstance(row.value, Factor))


def find(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those directly or further down in the folders named; hidden ones are left out."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if readable(each, path)) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    return list(found)


def readable(path: Path, folder: Path) -> bool:
    """Whether the name is that of a file to import from `folder`."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def expected() -> str:
    """What may be imported, in words."""
    *others, last = SUFFIXES
    kinds = "; ".join(f"{kind} with {', '.join(required(kind))}" for kind in TELLING)
    return f"expected {', '.join(others)} or {last} files: {kinds}, and a category's key in the file's name"


def listed(names: Sequence[str]) -> str:
    """Names of columns as a message may show them: without a header, a review's text stands there."""
    more = len(names) - NAMES
    return ", ".join([*map(shown, names[:NAMES]), *([f"and {more} more"] if more > 0 else [])])


def _reject(contents: Contents, error: BadFileError) -> None:
    contents.rows.clear()
    contents.problems.append(Problem.of_file(contents.path, error))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFileError(
            "not UTF-8; save the file as UTF-8, with or without a byte order mark", line
        ) from None


def _raw(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadFileError(f"{suffix or 'no'} suffix; expected one of {', '.join(SUFFIXES)}")
    if not text.strip():
        raise BadFileError("the file is empty")
    if suffix == ".csv":
        return _csv(text)
    return _json(text) if suffix == ".json" else _json_lines(text)


def _fill(contents: Contents, raw: list[tuple[int, Any]]) -> None:
    """Tell the kind by the columns, then check every row."""
    if not raw:
        raise BadFileError("no rows")
    seen = dict.fromkeys(name for _, row in raw if isinstance(row, dict) for name in row if name is not None)
    kind = contents.kind = _kind(seen)
    contents.unknown_columns = tuple(name for name in seen if name not in columns(kind))
    if missing := [name for name in required(kind) if name not in seen]:
        raise BadFileError(f"a {kind} file without the column {', '.join(missing)}")
    for line, row in raw:
        try:
            contents.rows.append(Row(line, check(kind, _as_mapping(row))))
        except BadRowError as error:
            contents.problems.append(Problem.of_row(contents.path, line, error))


def _kind(seen: Iterable[str]) -> Kind:
    names = set(seen)
    for kind, telling in TELLING.items():
        if telling <= names:
            return kind
    given = listed(sorted(names)) or "none"
    raise BadFileError(f"columns {given} tell no kind of file; {expected()}")


def _as_mapping(row: object) -> dict[str, Any]:
    if isinstance(row, BadRowError):
        raise row
    if not isinstance(row, dict):
        raise BadRowError(Fault("no object", expected="one with the columns as keys"))
    if None in row:
        raise BadRowError(
            Fault("more fields than the header has", expected="a quote around each field with a comma")
        )
    return {name: value for name, value in row.items() if value is not None}


def _csv(text: str) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        line = reader.line_num + 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadFileError(f"not CSV: {error}", reader.line_num) from None


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for line, part in enumerate(text.split("\n"), 1):
        if part.strip():
            try:
                yield line, json.loads(part)
            except json.JSONDecodeError as error:
                yield line, BadRowError(Fault(f"not JSON: {error.msg}", expected="one object on a line"))
            except (ValueError, RecursionError):
                yield line, BadRowError(Fault(UNREADABLE))


def _json(text: str) -> Iterator[tuple[int, Any]]:
    """The elements of one list, each with the line on which it starts."""
    at, line = _skip(text, 0), 1
    if text[at] != "[":
        raise BadFileError("expected a list of objects: [{...}, ...]", text.count("\n", 0, at) + 1)
    decoder = json.JSONDecoder()
    at, counted = _skip(text, at + 1), 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise BadFileError(f"not JSON, or cut short: {error.msg}", error.lineno) from None
        except (ValueError, RecursionError):  # a number of thousands of digits; brackets without end
            raise BadFileError(UNREADABLE, line) from None
        yield line, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadFileError("not JSON, or cut short: expected ',' or ']'", text.count("\n", 0, at) + 1)
    if (rest := _skip(text, at + 1)) < len(text):
        raise BadFileError("something follows the list", text.count("\n", 0, rest) + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at
