"""What an import changes: each row against what the store holds and what was taken before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.reviews.models import Factor, Question, Review
from app.reviews.rows import BadRowError, Fault, Kind

Value = Factor | Question | Review
Outcome = Literal["new", "updated", "duplicate"]
# A category's first own rows of a kind -> the kinds of which its samples go. A sample question asks about a
# sample factor.
DISPLACED: Mapping[Kind, tuple[Kind, ...]] = {
    "factors": ("factors", "questions"),
    "questions": ("questions",),
    "reviews": ("reviews",),
}


@dataclass(frozen=True)
class Key:
    """What makes a row the same row: an id counts within its category."""

    kind: Kind
    category: str
    id: str


@dataclass(frozen=True)
class Record:
    """A row's value, its source (the file's name without its date), and whether it was shipped."""

    value: Value
    source: str = ""
    sample: bool = False


@dataclass
class Ledger:
    """The store's records with this import's on top: `changes` are those to write, `leaving` are the samples
    that make room for own rows, by kind and category."""

    records: dict[Kind, dict[Key, Record]] = field(
        default_factory=lambda: {"factors": {}, "questions": {}, "reviews": {}}
    )
    changes: dict[Key, Record] = field(default_factory=dict)
    leaving: set[tuple[Kind, str]] = field(default_factory=set)
    _own: set[tuple[Kind, str]] = field(default_factory=set)
    _in_file: dict[Key, int] = field(default_factory=dict)

    def hold(self, key: Key, record: Record) -> None:
        """Note what the store holds."""
        self.records[key.kind][key] = record
        if not record.sample:
            self._own.add((key.kind, key.category))

    def next_file(self) -> None:
        """Say that the rows to come are of another file."""
        self._in_file.clear()

    def take(self, key: Key, record: Record, line: int) -> Outcome:
        """Note a row. BadRowError: its id stands for something else, or a sample came where own rows are."""
        if record.sample:
            self._expect_none_own(key)
        old = self.records[key.kind].get(key)
        if old is not None and old.sample and not record.sample:
            old = None
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
        if not record.sample:
            self._displace(key)
        self.records[key.kind][key] = self.changes[key] = record
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
        return (factor for factor, _ in self.marked_factors() if category in (None, factor.category))

    def marked_factors(self) -> Iterator[tuple[Factor, bool]]:
        """Every factor, and whether it is a sample."""
        for record in self.records["factors"].values():
            assert isinstance(record.value, Factor)  # noqa: S101 - by its key
            yield record.value, record.sample

    def to_read(self) -> list[tuple[str, Review]]:
        """The reviews to analyse, by category: the new ones, and all of a category whose factors changed."""
        stale = {key.category for key in self.changes if key.kind == "factors"}
        found = [
            (key.category, record.value)
            for key, record in self.records["reviews"].items()
            if isinstance(record.value, Review) and (key.category in stale or key in self.changes)
        ]
        return sorted(found, key=lambda pair: pair[0])

    def borrowing(self) -> tuple[str, ...]:
        """The changed categories whose own reviews are scored with the sample factors."""
        lent = {factor.category for factor, sample in self.marked_factors() if sample}
        own = {category for kind, category in self._own if kind == "reviews"}
        return tuple(sorted(self.changed_categories & lent & own))

    def _expect_none_own(self, key: Key) -> None:
        for kind, displaced in DISPLACED.items():
            if key.kind in displaced and (kind, key.category) in self._own:
                raise BadRowError(Fault(f"a sample, and {key.category!r} has {kind} of your own"))

    def _displace(self, key: Key) -> None:
        """Let the samples go where this is the category's first own row of its kind."""
        if (key.kind, key.category) in self._own:
            return
        self._own.add((key.kind, key.category))
        for kind in DISPLACED[key.kind]:
            samples = [
                other
                for other, record in self.records[kind].items()
                if record.sample and other.category == key.category
            ]
            if samples:
                self.leaving.add((kind, key.category))
            for other in samples:
                del self.records[kind][other]
                self.changes.pop(other, None)
