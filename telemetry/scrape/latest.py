"""The latest exemplar of each bucket, over all workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from telemetry.scrape.sums_of_cells import Series
from telemetry.store.exemplars import Exemplar, Exemplars, exemplar_length, unpacked
from telemetry.store.follower import CellRecord, Follower, Store
from telemetry.store.key import InstrumentKey
from telemetry.workers.worker import Worker

Row = Sequence[Exemplar | None]


class LatestExemplars:
    """Those of this process, if it keeps any, and of the other workers."""

    def __init__(self, exemplars: Exemplars | None, worker: Worker | None) -> None:
        self._exemplars, self._worker = exemplars, worker
        self._records: dict[Store, list[CellRecord]] = {}
        self._follower = worker.exemplar_files.follower if worker else Follower(exemplar_length)
        self._follower.subscribe(self)

    def begin(self, store: Store) -> None:
        """Forget its records."""
        self._records[store] = []

    def take(self, store: Store, record: CellRecord) -> None:
        """Keep a record in mind."""
        self._records[store].append(record)

    def of(self, find: Callable[[InstrumentKey, bytes], Series | None]) -> dict[int, Row]:
        """By where a series begins, as `find` has it."""
        found: dict[int, Row] = {}
        stores = self._stores()
        with self._follower.lock:
            self._follower.follow(stores)
            for store in stores:
                records, pages = self._records[store], list(store.numbers())
                for what, attributes, (_, page, first, length) in records:
                    series = find(what, attributes)
                    if series and length == exemplar_length(series.what):  # else it has other buckets
                        row = list(unpacked(pages[page][first : first + length]))
                        found[series.start] = _later(found.get(series.start, ()), row)
        return found

    def _stores(self) -> list[Store]:
        if self._exemplars is None:
            return []
        return [self._exemplars.cells, *(self._worker.readings(exemplars=True) if self._worker else ())]


def _later(one: Row, other: Row) -> list[Exemplar | None]:
    pairs = zip_longest(one, other)
    return [max(a, b, key=lambda each: each.seconds) if a and b else a or b for a, b in pairs]
