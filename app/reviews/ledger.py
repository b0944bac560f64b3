"""What an import changes: each row against what the store holds and what was taken before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.reviews.models import Factor, Question, Review
from app.reviews.rows import BadRowError, Fault, Kind

Value = Factor | Question | Review
Outcome = Literal["new", "updated", "duplicate"]


@dataclass(frozen=True)
class Key:
    """What makes a row the same row: an id counts within its category."""

    kind: Kind
    category: str
    id: str


@dataclass(frozen=True)
class Record:
    """A row's value, and the source it came from (the file's name without its date)."""

    value: Value
    source: str = ""


@dataclass
class Ledger:
    """The store's records with this import's on top; `changes` are those to write."""

    generations: Mapping[str, int]
    records: dict[Key, Record]
    changes: dict[Key, Record] = field(default_factory=dict)
    _in_file: dict[Key, int] = field(default_factory=dict)

    def next_file(self) -> None:
        """Say that the rows to come are of another file."""
        self._in_file.clear()

    def take(self, key: Key, record: Record, line: int) -> Outcome:
        """Note a row. BadRowError: its id already stands for something else."""
        old = self.records.get(key)
        first_line = self._in_file.get(key)
        self._in_file.setdefault(key, line)
        if old is not None and old.value == record.value:
            return "duplicate"
        if first_line is not None:
            raise BadRowError(
                Fault(f"{key.id!r} stands on line {first_line} too", "id", "one row for each id")
            )
        if old is not None and old.source != record.source:
            raise BadRowError(
                Fault(
                    f"{key.id!r} stands for another review, from {old.source!r}",
                    "id",
                    "ids that differ between sources",
                )
            )
        self.records[key] = self.changes[key] = record
        return "new" if old is None else "updated"

    @property
    def categories(self) -> set[str]:
        """The categories that have factors."""
        return {factor.category for factor in self.factors()}

    @property
    def changed_categories(self) -> set[str]:
        return {key.category for key in self.changes}

    def factors(self, category: str | None = None) -> Iterator[Factor]:
        """The factors of one category, or all."""
        for record in self.records.values():
            if isinstance(record.value, Factor) and category in (None, record.value.category):
                yield record.value

    def to_read(self) -> dict[str, list[Review]]:
        """The reviews to analyse, by category: the new ones, and all of a category whose factors changed."""
        stale = {key.category for key in self.changes if key.kind == "factors"}
        found: dict[str, list[Review]] = {}
        for key, record in self.records.items():
            if isinstance(record.value, Review) and (key.category in stale or key in self.changes):
                found.setdefault(key.category, []).append(record.value)
        return found
