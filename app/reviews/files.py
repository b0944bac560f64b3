"""Reading the review files: CSV, JSON and JSON Lines, with the line of every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.reviews.csv_rows import csv_rows
from app.reviews.json_rows import Repeating, json_lines, json_list
from app.reviews.models import Factor, Question, Review
from app.reviews.opening import Source, shipped
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
class ImportProblem:
    """Why a row, or with `whole_file` all of a file, was not taken."""

    file: Path
    line: int
    faults: tuple[Fault, ...]
    whole_file: bool = False

    @classmethod
    def of_file(cls, file: Path, error: BadFileError) -> ImportProblem:
        """All of a file is not taken."""
        return cls(file, error.line, (Fault(str(error)),), whole_file=True)

    @classmethod
    def of_row(cls, file: Path, line: int, error: BadRowError) -> ImportProblem:
        """One row is not taken."""
        return cls(file, line, tuple(error.faults))

    @property
    def reason(self) -> str:
        """All faults in words."""
        return "; ".join(map(str, self.faults))


@dataclass(frozen=True)
class NumberedRow:
    """A checked row and its line in the file."""

    line: int
    value: Factor | Question | Review


class ChangedError(RuntimeError):
    """A file is no longer what it was when it was looked through."""


@dataclass
class Contents:
    """A file after a look at it: its kind and rows, or the `problem` for which all of it is refused.

    `size` is in bytes, `count` in rows, bad ones included. `sample`: a shipped file.
    """

    path: Path
    kind: Kind | None = None
    size: int = 0
    count: int = 0
    problem: ImportProblem | None = None
    unknown_columns: tuple[str, ...] = ()
    sample: bool = False
    digest: bytes = b""

    def rows(self) -> Iterator[NumberedRow | ImportProblem]:
        """Every row, checked, or why it is not taken. They are read once more, and never held together.

        Raises ChangedError; at the file's end at the latest, where others were there before.
        """
        if self.problem or self.kind is None:
            return
        source = Source(self.path, most=self.size)  # what was added since is another import's
        try:
            for line, raw in _raw(self.path, source)[1]:
                yield self._row(self.kind, line, raw)
        except (OSError, BadFileError) as error:
            raise ChangedError(f"{self.path} changed while it was imported: {error}") from error
        if source.digest != self.digest:
            raise ChangedError(f"{self.path} changed while it was imported")

    def _row(self, kind: Kind, line: int, raw: object) -> NumberedRow | ImportProblem:
        try:
            return NumberedRow(line, check(kind, _as_mapping(kind, raw)))
        except BadRowError as error:
            return ImportProblem.of_row(self.path, line, error)


def look(path: Path) -> Contents:
    """Look through a file of any kind. Never raises: `problem` holds the fault."""
    contents, source = Contents(path), Source(path)
    try:
        _tell(contents, *_raw(path, source))
    except OSError as error:
        contents.problem = ImportProblem.of_file(path, BadFileError(f"cannot be read: {error.strerror}"))
    except BadFileError as error:
        contents.problem = ImportProblem.of_file(path, error)
    contents.size, contents.digest = source.size, source.digest
    contents.sample = source.digest in shipped()
    return contents


def look_all(paths: Iterable[Path]) -> list[Contents]:
    """The files of these paths: prerequisites first, files of no kind last."""
    order = (*KINDS, None)
    return sorted(map(look, find(paths)), key=lambda contents: order.index(contents.kind))


def read_factors(path: Path) -> tuple[Factor, ...]:
    """The good rows of a factors file."""
    rows = (row.value for row in look(path).rows() if isinstance(row, NumberedRow))
    return tuple(value for value in rows if isinstance(value, Factor))


def find(paths: Iterable[Path]) -> list[Path]:
    """The named files, and all files at any depth of the named folders; hidden ones are left out."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if readable(each, path)) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    return list(found)


def readable(path: Path, folder: Path) -> bool:
    """Whether the name is that of a file to import from `folder`."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.exists() and not path.is_dir()


def _raw(path: Path, source: Source) -> tuple[Sequence[str], Iterator[tuple[int, Any]]]:
    """The columns that are named before all rows, and the rows."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadFileError(f"{suffix or 'no'} suffix; expected one of {', '.join(SUFFIXES)}")
    if suffix == ".csv":
        return csv_rows(source.text())
    return (), json_list(source.text()) if suffix == ".json" else json_lines(source.text())


def _tell(contents: Contents, names: Sequence[str], raw: Iterator[tuple[int, Any]]) -> None:
    """Tell the kind by the columns; in JSON, by the columns of all rows."""
    seen = dict.fromkeys(names)
    for _, row in raw:
        contents.count += 1
        if isinstance(row, dict):
            seen.update(dict.fromkeys(row))
    if not contents.count:
        raise BadFileError("no rows")
    kind = contents.kind = kind_of(seen)
    contents.unknown_columns = tuple(name for name in seen if name not in columns(kind))
    if missing := [name for name in required(kind) if name not in seen]:
        raise BadFileError(f"a {kind} file without the column {', '.join(missing)}")


def _as_mapping(kind: Kind, row: object) -> dict[str, Any]:
    if isinstance(row, BadRowError):
        raise row
    if not isinstance(row, dict):
        raise BadRowError(Fault("no object", expected="one with the columns as keys"))
    if isinstance(row, Repeating) and (twice := [name for name in row.repeated if name in columns(kind)]):
        raise BadRowError(*(Fault("stands twice", name, "each key once") for name in twice))
    return {name: value for name, value in row.items() if value is not None}
