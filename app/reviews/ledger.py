"""The changes of an import: each row against the store and against the import's earlier rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

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


class Met(NamedTuple):
    """An earlier row under the same key: its place and its value's hash."""

    file: int
    line: int
    value: int
    source: str
    sample: bool

    @classmethod
    def of(cls, record: Record, file: int = 0, line: int = 0) -> Met:
        """A record and its place in this import; 0: from the store."""
        return cls(file, line, hash(record.value), record.source, record.sample)


class SeenRows(Protocol):
    """The rows that an import has met. There may be more than memory has room for."""

    def get(self, key: Key) -> Met | None:
        """The record of an earlier row with this key."""

    def __setitem__(self, key: Key, met: Met) -> None: ...


@dataclass
class ImportLedger:
    """The store's content with an import on top: all factors and questions; reviews one at a time.

    `changes`: factors and questions to write. `leaving`: samples that make room for own rows, by kind and
    category. `due`: samples still to remove. `review` looks a review up in the store.
    """

    seen: SeenRows = field(default_factory=dict[Key, Met])
    review: Callable[[Key], Record | None] = lambda key: None
    records: dict[Kind, dict[Key, Record]] = field(default_factory=lambda: {"factors": {}, "questions": {}})
    changes: dict[Key, Record] = field(default_factory=dict)
    changed_categories: set[str] = field(default_factory=set)
    leaving: set[tuple[Kind, str]] = field(default_factory=set)
    due: set[tuple[Kind, str]] = field(default_factory=set)
    # A category's rows of a kind are all samples or all own.
    _sample: dict[tuple[Kind, str], bool] = field(default_factory=dict)
    _file: int = 0

    def hold(self, key: Key, record: Record) -> None:
        """Note what the store holds."""
        self.mark(key.kind, key.category, record.sample)
        if key.kind != "reviews":
            self.records[key.kind][key] = record

    def mark(self, kind: Kind, category: str, sample: bool) -> None:
        """Note that the category has rows of this kind: samples or own rows."""
        self._sample[kind, category] = sample and self._sample.get((kind, category), True)

    def is_own(self, kind: Kind, category: str) -> bool:
        """Whether the category has own rows of this kind."""
        return self._sample.get((kind, category)) is False

    def next_file(self) -> None:
        """Say that the rows to come are of another file."""
        self._file += 1

    def take(self, key: Key, record: Record, line: int) -> Outcome:
        """Note a row. BadRowError: its id stands for something else, or a sample came where own rows are."""
        if record.sample:
            self._expect_none_own(key)
        met = self.seen.get(key) or self._stored(key)
        old = None if met is None or (met.sample and not record.sample) else met
        first_line = met.line if met and met.file == self._file else 0
        if old and not first_line:
            self.seen[key] = old._replace(file=self._file, line=line)
        if old and old.value == hash(record.value):
            return "duplicate"
        if first_line:
            raise BadRowError(
                Fault(f"{key.id!r} stands on line {first_line} too", "id", "one row for each id")
            )
        if old and old.source != record.source:
            raise BadRowError(
                Fault(
                    f"{key.id!r} stands for another review, from {old.source!r}",
                    "id",
                    "ids that differ between sources",
                )
            )
        self._change(key, record, line)
        return "updated" if old else "new"

    @property
    def categories(self) -> set[str]:
        """The categories that have factors."""
        return {factor.category for factor in self.factors()}

    @property
    def stale(self) -> set[str]:
        """The categories whose stored reviews are to be read again, as their factors changed."""
        return {key.category for key in self.changes if key.kind == "factors"}

    def factors(self, category: str | None = None) -> Iterator[Factor]:
        """The factors of one category, or all."""
        return (factor for factor, _ in self.marked_factors() if category in (None, factor.category))

    def marked_factors(self) -> Iterator[tuple[Factor, bool]]:
        """Every factor, and whether it is a sample."""
        for record in self.records["factors"].values():
            assert isinstance(record.value, Factor)  # noqa: S101 - by its key
            yield record.value, record.sample

    def borrowing(self) -> tuple[str, ...]:
        """The changed categories whose own reviews are scored with the sample factors."""
        lent = {factor.category for factor, sample in self.marked_factors() if sample}
        return tuple(sorted(each for each in self.changed_categories & lent if self.is_own("reviews", each)))

    def _stored(self, key: Key) -> Met | None:
        record = self.review(key) if key.kind == "reviews" else self.records[key.kind].get(key)
        return Met.of(record) if record else None

    def _change(self, key: Key, record: Record, line: int) -> None:
        if not record.sample:
            self._displace(key)
        self.seen[key] = Met.of(record, self._file, line)
        self.hold(key, record)
        self.changed_categories.add(key.category)
        if key.kind != "reviews":
            self.changes[key] = record

    def _expect_none_own(self, key: Key) -> None:
        for kind, displaced in DISPLACED.items():
            if key.kind in displaced and self.is_own(kind, key.category):
                raise BadRowError(Fault(f"a sample, and {key.category!r} has {kind} of your own"))

    def _displace(self, key: Key) -> None:
        """Let the samples go where this is the category's first own row of its kind."""
        if self.is_own(key.kind, key.category):
            return
        for kind in DISPLACED[key.kind]:
            if self._sample.pop((kind, key.category), False):
                self.leaving.add((kind, key.category))
                self.due.add((kind, key.category))
                self._drop(kind, key.category)

    def _drop(self, kind: Kind, category: str) -> None:
        for key in [key for key in self.records.get(kind, {}) if key.category == category]:
            del self.records[kind][key]
            self.changes.pop(key, None)
