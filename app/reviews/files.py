"""Reading the review files: CSV, JSON and JSON Lines, with the line of every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from app.reviews.csv_rows import csv_rows
from app.reviews.json_rows import Repeating, json_lines, json_list
from app.reviews.models import Factor, Question, Review
from app.reviews.opening import content, decoded, shipped
from app.reviews.rows import (
    KINDS,
    SUFFIXES,
    BadFileError,
    BadRowError,
    Fault,
    Kind,
    check,
    columns,
    kind_of,
    required,
)


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
    """A file, read: the good rows, and why others are not. `sample`: it is one of the shipped files."""

    path: Path
    kind: Kind | None = None
    size: int = 0
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()
    sample: bool = False


def read(path: Path) -> Contents:
    """Read a file of any kind. Never raises: what is wrong stands in `problems`."""
    contents = Contents(path)
    try:
        data = content(path)
        contents.size = len(data)
        contents.sample = data in shipped()
        names, raw = _raw(path, decoded(data))
        _fill(contents, names, list(raw))
    except OSError as error:
        _reject(contents, BadFileError(f"cannot be read: {error.strerror}"))
    except BadFileError as error:
        _reject(contents, error)
    return contents


def read_all(paths: Iterable[Path]) -> list[Contents]:
    """The files of these paths, read; what others need comes first, and what is no kind of file last."""
    order = (*KINDS, None)
    return sorted(map(read, find(paths)), key=lambda contents: order.index(contents.kind))


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
    return path.suffix.lower() in SUFFIXES and not hidden and path.exists() and not path.is_dir()


def _reject(contents: Contents, error: BadFileError) -> None:
    contents.rows.clear()
    contents.problems.append(Problem.of_file(contents.path, error))


def _raw(path: Path, text: str) -> tuple[Sequence[str], Iterator[tuple[int, Any]]]:
    """The columns that are named before all rows, and the rows."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadFileError(f"{suffix or 'no'} suffix; expected one of {', '.join(SUFFIXES)}")
    if not text.strip():
        raise BadFileError("the file is empty")
    if suffix == ".csv":
        return csv_rows(text)
    return (), json_list(text) if suffix == ".json" else json_lines(text)


def _fill(contents: Contents, names: Sequence[str], raw: list[tuple[int, Any]]) -> None:
    """Tell the kind by the columns, then check every row."""
    if not raw:
        raise BadFileError("no rows")
    in_rows = (name for _, row in raw if isinstance(row, dict) for name in row)
    seen = dict.fromkeys(chain(names, in_rows))
    kind = contents.kind = kind_of(seen)
    contents.unknown_columns = tuple(name for name in seen if name not in columns(kind))
    if missing := [name for name in required(kind) if name not in seen]:
        raise BadFileError(f"a {kind} file without the column {', '.join(missing)}")
    for line, row in raw:
        try:
            contents.rows.append(Row(line, check(kind, _as_mapping(kind, row))))
        except BadRowError as error:
            contents.problems.append(Problem.of_row(contents.path, line, error))


def _as_mapping(kind: Kind, row: object) -> dict[str, Any]:
    if isinstance(row, BadRowError):
        raise row
    if not isinstance(row, dict):
        raise BadRowError(Fault("no object", expected="one with the columns as keys"))
    if isinstance(row, Repeating) and (twice := [name for name in row.repeated if name in columns(kind)]):
        raise BadRowError(*(Fault("stands twice", name, "each key once") for name in twice))
    return {name: value for name, value in row.items() if value is not None}
