"""Our metrics as a scrape shows them: of this process, or of all workers of its server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from telemetry.guard import guard
from telemetry.scrape.families import names
from telemetry.scrape.sums_of_cells import Store, SumsOfCells
from telemetry.scrape.text import Text, family, kind
from telemetry.store.cells import Cells
from telemetry.store.exemplars import WORDS, Exemplar, Exemplars, unpacked
from telemetry.store.key import What, scope_from
from telemetry.store.reader import CellFile
from telemetry.workers.worker import Worker


class Scraped:
    """The text of the metrics that one meter has; `known` are those of the catalogue, by name. `names`: what
    the lines of these begin with."""

    def __init__(
        self,
        meter: str,
        known: Mapping[str, What],
        cells: Cells,
        exemplars: Exemplars | None = None,
        worker: Worker | None = None,
    ) -> None:
        self._meter = meter
        self._cells, self._exemplars, self._worker = cells, exemplars, worker
        self.names = frozenset().union(*(names(family(what), kind(what)) for what in known.values()))
        self._totals = SumsOfCells(self._is_ours, known)
        self._text = Text()
        self._taken: list[Store] = []

    def render(self, openmetrics: bool) -> list[bytes]:
        """All series now, in pieces, as text 0.0.4 or as OpenMetrics without its last line."""
        guard.count_due()
        self._taken = self._stores()
        sums, broken = self._totals.add_up(self._taken)
        for _ in range(broken):
            guard.report("render", "a file of another worker has broken series; these are left out")
        exemplars = self._latest() if openmetrics else None
        return self._text.render(self._totals.series, sums, exemplars)

    def _stores(self) -> list[Store]:
        """By worker number, whoever of them this process is."""
        return [*self._worker.stores()] if self._worker else [self._cells]

    def others(self) -> Iterator[tuple[bytes, list[float]]]:
        """What other workers have counted with other people's instruments. In a scrape this comes after
        render(), and reads the same files."""
        stores, self._taken = self._taken or self._stores(), []
        for store in stores:
            if store is not self._cells:
                yield from self._totals.others(store)

    def is_others(self, head: bytes) -> bool:
        """Whether keys that begin so are of other people's instruments."""
        return not self._is_ours(What.of(head).scope)

    def _is_ours(self, scope: str) -> bool:
        return scope_from(scope).name == self._meter

    def _latest(self) -> dict[int, Sequence[Exemplar | None]]:
        """The latest exemplar of each bucket, over all workers, by where its series begins."""
        found: dict[int, Sequence[Exemplar | None]] = {}
        for store in self._exemplar_stores():
            placed = list(store.placed)
            pages = list(store.numbers())
            for key, page, first, length in placed:
                series = self._totals.find(key)
                if (
                    series and length == series.what.places * WORDS
                ):  # else they are of other buckets, or broken
                    row = list(unpacked(pages[page][first : first + length]))
                    found[series.start] = _later(found.get(series.start, ()), row)
        return found

    def _exemplar_stores(self) -> list[Store]:
        if self._exemplars is None:
            return []
        others: list[CellFile] = self._worker.readings(exemplars=True) if self._worker else []
        return [self._exemplars.cells, *others]


def _later(one: Sequence[Exemplar | None], other: Sequence[Exemplar | None]) -> list[Exemplar | None]:
    pairs = zip_longest(one, other)
    return [max(a, b, key=lambda each: each.seconds) if a and b else a or b for a, b in pairs]
