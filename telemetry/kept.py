"""Where the numbers of our metrics are kept: in this process, or in the files of a worker."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.current import sampled_context
from telemetry.guard import guard
from telemetry.record.schema import Metric
from telemetry.scrape.page import Scraped
from telemetry.sdk.aggregation import CellStorage
from telemetry.settings import Settings
from telemetry.store.cells import Cells
from telemetry.store.exemplars import Exemplars
from telemetry.store.key import What, scope_of
from telemetry.workers.worker import Worker


class Kept:
    """The cells, with exemplars where there are traces, and what a scrape shows of them."""

    def __init__(self, settings: Settings, worker: Worker, meter: str, metrics: Iterable[Metric]) -> None:
        self._worker = worker
        self.cells = worker.cells
        self.exemplars = Exemplars(self._exemplar_cells(), sampled_context) if settings.exemplars else None
        self.storage = CellStorage(self.cells, ours=True, exemplars=self.exemplars)
        self.scraped = Scraped(meter, _known(meter, metrics), self.cells, self.exemplars, worker)

    def _exemplar_cells(self) -> Cells:
        """In a file where there are other workers to read it; in memory where the disk has no room."""
        try:
            return self._worker.exemplars()
        except OSError as error:
            guard.report("record", "exemplars of this worker are seen by it alone: %s", error)
            return Cells()

    def forked(self) -> None:
        """In a process just forked: leave its parent's exemplars."""
        if self.exemplars:
            self.exemplars.cells.move(None)

    def joined(self) -> None:
        """Keep exemplars where the numbers are."""
        if self.exemplars is None:
            return
        try:
            self._worker.move_exemplars(self.exemplars.cells)
        except OSError as error:
            guard.report("record", "exemplars of this worker are seen by it alone: %s", error)
            self.exemplars.cells.move(None)


def _known(meter: str, metrics: Iterable[Metric]) -> dict[str, What]:
    scope = scope_of(InstrumentationScope(meter))
    return {
        metric.name: What(scope, metric.name, metric.unit, metric.description, metric.buckets or None)
        for metric in metrics
        if metric.kind != "gauge"
    }
