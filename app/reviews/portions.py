"""Write reviews into the store portion by portion.

A portion is a short transaction, so no shopper's request waits long for the store. Up to PORTION reviews are
one portion. A larger import resumes after its last portion when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from app.database import Database
from app.reviews import records
from app.reviews.ledger import ImportLedger, Key
from app.reviews.mentions import mentions
from app.reviews.models import Mention
from app.reviews.records import Reading

PORTION = 5_000  # reviews in one transaction: some 0.2 s where the machine is idle
SMALLEST = 500
HOLD_SECONDS = 0.2  # how long a transaction is to take; the next portion is so much smaller
REST_SECONDS = 0.05  # after each, at least; others that wait for the store have it then


class Steps:
    """Rows that an import has gone through and, but for the last portion, written; of how many."""

    def __init__(self, show: Callable[[int, int], None] = lambda done, total: None) -> None:
        self._show = show
        self.done = self.total = 0
        self.written = False
        """Whether a portion is in the store."""

    def step(self) -> None:
        """Say that a row more is done."""
        self.done += 1
        self._show(self.done, self.total)


def write(database: Database, ledger: ImportLedger, readings: Iterator[Reading], steps: Steps) -> None:
    """Write them and, with the last portion, the ledger's changes. After each a rest as long as it took."""
    size, following = PORTION, next(readings, None)
    last = following is None and not ledger.changed_categories
    while not last:
        portion: dict[Key, Reading] = {}
        while following is not None and len(portion) < size:
            portion[following.key] = following
            following = next(readings, None)
        last = following is None
        analysed = _analyse(ledger, portion.values(), steps)
        with database.transaction() as connection:
            began = time.perf_counter()  # the wait for others before it is none of theirs
            records.write_reviews(connection, ledger, analysed)
            if last:
                records.finish(connection, ledger)
        steps.written = True
        took = time.perf_counter() - began
        size = min(PORTION, max(SMALLEST, int(size * HOLD_SECONDS / took)))
        if not last:
            time.sleep(max(REST_SECONDS, took))


def _analyse(ledger: ImportLedger, portion: Iterable[Reading], steps: Steps) -> records.Analysed:
    by_category: dict[str, list[Reading]] = {}
    for reading in portion:
        by_category.setdefault(reading.key.category, []).append(reading)
    return {
        category: list(_with_progress(readings, ledger, category, steps))
        for category, readings in by_category.items()
    }


def _with_progress(
    readings: list[Reading], ledger: ImportLedger, category: str, steps: Steps
) -> Iterator[tuple[Reading, list[Mention]]]:
    reviews = [reading.review for reading in readings]
    for pair in zip(readings, mentions(reviews, tuple(ledger.factors(category))), strict=True):
        yield pair
        steps.step()
