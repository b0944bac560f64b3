"""Sums of cells: our metrics in all stores, this process's and other workers', added up by series for a page.

Its sibling, sums_with_sdk.py, adds cells to the SDK's own data: other people's metrics, and what is pushed.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any, NamedTuple, Protocol

from telemetry.scrape.pauses import Pauses
from telemetry.store.key import What, check, parse
from telemetry.store.page import Placed

AT_ONCE = 8_192
"""Numbers that are added without a rest."""
Bounds = tuple[float, ...] | None
Pages = list[list[float]]


class Store(Protocol):
    """Records, and the numbers of each page, each read when it is asked for; where the records begin anew,
    the generation rises."""

    generation: int
    placed: list[Placed]

    def numbers(self) -> Iterable[list[float]]: ...

    def is_doubtful(self) -> bool: ...


class Series(NamedTuple):
    """A series as it is shown: its instrument, its attributes as keys have them, where its numbers begin in
    the sums."""

    what: What
    attributes: bytes
    start: int


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
class _Followed:
    """How the records of one store go into the sums, as far as they have come."""

    generation: int
    seen: int = 0
    runs: list[_Run] = field(default_factory=list)
    fitted: list[_Fitted] = field(default_factory=list)
    others: list[Placed] = field(default_factory=list)
    broken: int = 0

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
    followed: _Followed


class SumsOfCells:
    """The sums. `is_ours` tells by its scope whether an instrument belongs here; `known` has those of the
    catalogue, whose words and buckets are shown where an older release of the code wrote others."""

    def __init__(
        self,
        is_ours: Callable[[str], bool],
        known: Mapping[str, What],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._is_ours = is_ours
        self._known = known
        self._pauses = Pauses(AT_ONCE, sleep)
        self._followed: dict[Store, _Followed] = {}
        self._by_series: dict[tuple[str, bool, bytes], Series] = {}
        self.series: list[Series] = []
        self._size = 0

    def add_up(self, stores: Sequence[Store]) -> tuple[list[float], int]:
        """The sums over all stores, and how many records were left out because they are broken.

        The order is to be the same whoever adds: else a sum would differ by a rounding from worker to worker,
        and now and then seem to fall.
        """
        for gone in self._followed.keys() - set(stores):
            del self._followed[gone]
        # First which records there are, then the numbers: series may come in between.
        followed = [self._follow(store) for store in stores]
        found = [_Found(store, self._read(store), one) for store, one in zip(stores, followed, strict=True)]
        broken = sum(one.followed.broken for one in found)
        broken += sum(_mend(one) for one in found if one.store.is_doubtful())
        sums = self._added(found)
        if not sum(sums) < math.inf:  # NaN fails too, and says nothing of whose it is
            broken += sum(map(_mend, found))
            sums = self._added(found)
        return sums, broken

    def find(self, key: bytes) -> Series | None:
        """The series of a key."""
        what, attributes = parse(key)
        return self._by_series.get((what.name, what.bounds is None, attributes))

    def others(self, store: Store) -> Iterator[tuple[bytes, list[float]]]:
        """What a store holds of other people's instruments now."""
        followed, pages = self._follow(store), None
        for placed in followed.others:
            pages = pages or self._read(store)
            numbers = pages[placed.page][placed.first : placed.first + placed.length]
            if _is_sound(placed.key, numbers):
                yield placed.key, numbers

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
            for run in alike[0].followed.runs:
                end, last = run.start + run.length, run.first + run.length
                columns = [one.pages[run.page][run.first : last] for one in alike]
                sums[run.start : end] = reduce(_plus, columns, sums[run.start : end])
                self._pauses.after(run.length * len(alike))
            for one in alike:
                _add_fitted(sums, one)
        return sums

    def _follow(self, store: Store) -> _Followed:
        followed = self._followed.get(store)
        if followed is None or followed.generation != store.generation:
            followed = self._followed[store] = _Followed(store.generation)
        for placed in store.placed[followed.seen :]:
            followed.seen += 1
            try:
                check(placed.key, [0.0] * placed.length)
            except ValueError:
                followed.broken += 1
            else:
                self._place(followed, placed)
        return followed

    def _place(self, followed: _Followed, placed: Placed) -> None:
        what, attributes = parse(placed.key)
        if not self._is_ours(what.scope):
            followed.others.append(placed)
            return
        series = self._series(what, attributes)
        if series.what.bounds == what.bounds:
            followed.goes(placed, series.start)
        else:
            followed.fitted.append(_Fitted(placed, what.bounds, series))

    def _series(self, what: What, attributes: bytes) -> Series:
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
    return one.followed.runs, id(one) if one.followed.fitted else 0


def _add_fitted(sums: list[float], one: _Found) -> None:
    for placed, bounds, series in one.followed.fitted:
        numbers = one.pages[placed.page][placed.first : placed.first + placed.length]
        for at, amount in enumerate(fitted(numbers, bounds, series.what.bounds), series.start):
            sums[at] += amount


def _mend(one: _Found) -> int:
    """Leave out the series whose numbers are not sound; how many these are."""
    broken = 0
    for key, page, first, length in one.store.placed[: one.followed.seen]:
        if not _is_sound(key, one.pages[page][first : first + length]):
            one.pages[page][first : first + length] = [0.0] * length
            broken += 1
    return broken


def _is_sound(key: bytes, numbers: Sequence[float]) -> bool:
    try:
        check(key, numbers)
    except ValueError:
        return False
    return True
