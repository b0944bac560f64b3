"""Our metrics as a scrape shows them: of this process, or of all workers of its server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.guard import guard
from telemetry.record.schema import Metric
from telemetry.scrape.families import names
from telemetry.scrape.latest import LatestExemplars
from telemetry.scrape.sums_of_cells import SumsOfCells
from telemetry.scrape.text import Text, family, kind
from telemetry.store.cells import Cells
from telemetry.store.exemplars import Exemplars
from telemetry.store.follower import Follower, Store
from telemetry.store.key import InstrumentKey, scope_from, scope_of
from telemetry.workers.worker import Worker


class Scraped:
    """The text of the metrics that one meter has; `known` are those of the catalogue, by name. `names`: what
    the lines of these begin with."""

    def __init__(
        self,
        meter: str,
        known: Mapping[str, InstrumentKey],
        cells: Cells,
        exemplars: Exemplars | None = None,
        worker: Worker | None = None,
    ) -> None:
        self._meter = meter
        self._cells, self._worker = cells, worker
        self.names = frozenset().union(*(names(family(what), kind(what)) for what in known.values()))
        self._follower = worker.files.follower if worker else Follower()
        self._sums = SumsOfCells(self._is_ours, known, follower=self._follower)
        self._latest = LatestExemplars(exemplars, worker)
        self._text = Text()
        self._taken: list[Store] = []

    def render(self, openmetrics: bool) -> list[bytes]:
        """All series now, in pieces, as text 0.0.4 or as OpenMetrics without its last line."""
        guard.count_due()
        self._taken = self._stores()
        sums = self._sums.add_up(self._taken)
        for _ in range(sums.broken):
            guard.report("render", "a file of another worker has broken series; these are left out")
        exemplars = self._latest.of(self._sums.find) if openmetrics else None
        return self._text.render(sums.series, sums.numbers, exemplars)

    def _stores(self) -> list[Store]:
        """By worker number, whoever of them this process is."""
        return [*self._worker.stores()] if self._worker else [self._cells]

    def third_party(self) -> Iterator[tuple[bytes, list[float]]]:
        """What other workers have counted with other people's instruments. In a scrape this comes after
        render(), and reads the same files."""
        stores, self._taken = self._taken or self._stores(), []
        return self._sums.third_party([store for store in stores if store is not self._cells])

    def is_third_party(self, head: bytes) -> bool:
        """Whether keys that begin so are of other people's instruments."""
        return not self._is_ours(InstrumentKey.of(head).scope)

    def _is_ours(self, scope: str) -> bool:
        return scope_from(scope).name == self._meter


def shown(meter: str, metrics: Iterable[Metric]) -> dict[str, InstrumentKey]:
    """Those of a catalogue that a scrape shows from cells, by name: all but its gauges."""
    scope = scope_of(InstrumentationScope(meter))
    return {
        metric.name: InstrumentKey(
            scope, metric.name, metric.unit, metric.description, metric.buckets or None
        )
        for metric in metrics
        if metric.kind != "gauge"
    }
