"""The cells of a worker's exemplars: where its numbers are, or in memory where the disk has no room."""

from __future__ import annotations

from telemetry.guard import guard
from telemetry.store.cells import Cells
from telemetry.workers.worker import Worker

_ALONE = "exemplars of this worker are seen by it alone: %s"


def cells_of(worker: Worker) -> Cells:
    """In a file where there are other workers to read it."""
    try:
        return worker.exemplars()
    except OSError as error:
        guard.report("record", _ALONE, error)
        return Cells()


def follow(worker: Worker, cells: Cells) -> None:
    """After the worker has joined others: go on beside its numbers."""
    try:
        worker.move_exemplars(cells)
    except OSError as error:
        guard.report("record", _ALONE, error)
        cells.move(None)
