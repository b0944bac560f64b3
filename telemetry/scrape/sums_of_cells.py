"""Sums of cells: our metrics in all stores, this process's and other workers', added up by series for a page.

Its sibling, sums_with_sdk.py, adds cells to the SDK's own data: other people's metrics, and what is pushed.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any, NamedTuple

from telemetry.scrape.pauses import Pauses
from telemetry.store.follower import CellRecord, Follower, Store
from telemetry.store.key import InstrumentKey, check
from telemetry.store.page import Placed

AT_ONCE = 8_192
"""Numbers that are added without a rest."""
Bounds = tuple[float, ...] | None
Pages = list[list[float]]


class Series(NamedTuple):
    """A series as it is shown: its instrument, its attributes as keys have them, where its numbers begin in
    the sums."""

    what: InstrumentKey
    attributes: bytes
    start: int


class Sums(NamedTuple):
    """All series, their sums, and how many records were left out because they are broken."""

    series: list[Series]
    numbers: list[float]
    broken: int


@dataclass
class _Run:
    """Numbers that lie side by side both in a page and in the sums."""

    page: int
    first: int
    start: int
    length: int


class _Fitted(NamedTuple):
    """A histogram in other buckets than it is shown in."""

    placed: Placed
    bounds: Bounds
    series: Series


@dataclass
class _Way:
    """How the records of one store go into the sums."""

    runs: list[_Run] = field(default_factory=list)
    fitted: list[_Fitted] = field(default_factory=list)
    third_party: list[Placed] = field(default_factory=list)

    def goes(self, placed: Placed, start: int) -> None:
        last = self.runs[-1] if self.runs else None
        if (
            last is not None
            and placed.page == last.page
            and placed.first == last.first + last.length
            and start == last.start + last.length
            and last.length + placed.length <= AT_ONCE
        ):
            last.length += placed.length
        else:
            self.runs.append(_Run(placed.page, placed.first, start, placed.length))


class _Found(NamedTuple):
    """A store, its numbers now, and how they go into the sums."""

    store: Store
    pages: Pages
    way: _Way


class SumsOfCells:
    """The sums. `is_ours` tells by its scope whether an instrument belongs here; `known` has those of the
    catalogue, whose words and buckets are shown where an older release of the code wrote others. `follower`
    tells of the records that come."""

    def __init__(
        self,
        is_ours: Callable[[str], bool],
        known: Mapping[str, InstrumentKey],
        sleep: Callable[[float], None] = time.sleep,
        follower: Follower | None = None,
    ) -> None:
        self._is_ours = is_ours
        self._known = known
        self._pauses = Pauses(AT_ONCE, sleep)
        self._ways: dict[Store, _Way] = {}
        self._by_series: dict[tuple[str, bool, bytes], Series] = {}
        self.series: list[Series] = []
        self._size = 0
        self._follower = follower or Follower()
        self._follower.subscribe(self)

    def add_up(self, stores: Sequence[Store]) -> Sums:
        """The sums over all stores.

        The order is to be the same whoever adds: else a sum would differ by a rounding from worker to worker,
        and now and then seem to fall.
        """
        with self._follower.lock:
            # First which records there are, then the numbers: series may come in between.
            broken = self._follower.follow(stores)
            found = [self._found(store) for store in stores]
            broken += sum(self._mend(one) for one in found if one.store.is_doubtful())
            sums = self._added(found)
            if not sum(sums) < math.inf:  # NaN fails too, and says nothing of whose it is
                broken += sum(map(self._mend, found))
                sums = self._added(found)
            return Sums(self.series[:], sums, broken)

    def find(self, what: InstrumentKey, attributes: bytes) -> Series | None:
        """The series of these attributes, as keys have them."""
        return self._by_series.get((what.name, what.bounds is None, attributes))

    def third_party(self, stores: Sequence[Store]) -> Iterator[tuple[bytes, list[float]]]:
        """What stores hold of other people's instruments now."""
        with self._follower.lock:
            self._follower.follow(stores)
            found = [self._found(store) for store in stores if self._ways[store].third_party]
        for one in found:
            for key, page, first, length in one.way.third_party:
                numbers = one.pages[page][first : first + length]
                if _is_sound(key, numbers):
                    yield key, numbers

    def begin(self, store: Store) -> None:
        """Forget how its records went."""
        self._ways[store] = _Way()

    def take(self, store: Store, record: CellRecord) -> None:
        """See where a record's numbers go."""
        what, attributes, placed = record
        way = self._ways[store]
        if not self._is_ours(what.scope):
            way.third_party.append(placed)
            return
        series = self._series(what, attributes)
        if series.what.bounds == what.bounds:
            way.goes(placed, series.start)
        else:
            way.fitted.append(_Fitted(placed, what.bounds, series))

    def _found(self, store: Store) -> _Found:
        return _Found(store, self._read(store), self._ways[store])

    def _mend(self, one: _Found) -> int:
        """Leave out the series whose numbers are not sound; how many these are."""
        broken = 0
        for key, page, first, length in self._follower.seen(one.store):
            if not _is_sound(key, one.pages[page][first : first + length]):
                one.pages[page][first : first + length] = [0.0] * length
                broken += 1
        return broken

    def _read(self, store: Store) -> Pages:
        pages = []
        for page in store.numbers():
            pages.append(page)
            self._pauses.after(len(page))
        return pages

    def _added(self, found: Sequence[_Found]) -> list[float]:
        """Store by store, in their order; those that lie alike are added in one go."""
        sums = [0.0] * self._size
        for _, group in groupby(found, key=_likeness):
            alike = list(group)
            for run in alike[0].way.runs:
                end, last = run.start + run.length, run.first + run.length
                columns = [one.pages[run.page][run.first : last] for one in alike]
                sums[run.start : end] = reduce(_plus, columns, sums[run.start : end])
                self._pauses.after(run.length * len(alike))
            for one in alike:
                _add_fitted(sums, one)
        return sums

    def _series(self, what: InstrumentKey, attributes: bytes) -> Series:
        name = what.name, what.bounds is None, attributes
        series = self._by_series.get(name)
        if series is None:
            known = self._known.get(what.name)
            shown = known if known and (known.bounds is None) == (what.bounds is None) else what
            series = self._by_series[name] = Series(shown, attributes, self._size)
            self.series.append(series)
            self._size += shown.length
        return series


def fitted(numbers: Sequence[float], bounds: Bounds, wanted: Bounds) -> Sequence[float]:
    """A histogram in other buckets, where a release has changed them: count and sum stay exact, and what a
    bucket holds goes to the one that its upper bound is in."""
    if bounds is None or wanted is None or bounds == wanted:
        return numbers
    counts = [0.0] * (len(wanted) + 1)
    for bound, count in zip((*bounds, math.inf), numbers[:-1], strict=True):
        counts[bisect_left(wanted, bound)] += count
    return [*counts, numbers[-1]]


def _plus(numbers: Any, more: Sequence[float]) -> Any:
    return map(add, numbers, more)


def _likeness(one: _Found) -> Any:
    """What stores have in common that are added in one go; none has with others that needs fitting."""
    return one.way.runs, id(one) if one.way.fitted else 0


def _add_fitted(sums: list[float], one: _Found) -> None:
    for placed, bounds, series in one.way.fitted:
        numbers = one.pages[placed.page][placed.first : placed.first + placed.length]
        for at, amount in enumerate(fitted(numbers, bounds, series.what.bounds), series.start):
            sums[at] += amount


def _is_sound(key: bytes, numbers: Sequence[float]) -> bool:
    try:
        check(key, numbers)
    except ValueError:
        return False
    return True
