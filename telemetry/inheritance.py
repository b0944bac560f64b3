"""The label sets that earlier processes of a worker have left, and that other workers bring."""

from __future__ import annotations

import threading

from telemetry.guard import guard
from telemetry.metrics import HANDLES
from telemetry.reading import Reading
from telemetry.serieskey import attributes_of, parse, scope_from
from telemetry.workers import Readings, Worker


class Inheritance:
    """The label sets that earlier processes of this worker and other workers have: with them a metric keeps
    to its bound, over all of them. They are looked for in a thread, for files may keep one waiting."""

    def __init__(self, worker: Worker, meter: str) -> None:
        self._worker, self._meter = worker, meter
        self._readings = Readings()
        self._seen: dict[Reading, tuple[int, int]] = {}
        self._asked, self._ends = threading.Event(), False
        self._thread: threading.Thread | None = None
        for key, _ in worker.cells.besides(()):
            self._tell(key)
        self._look()
        for handle in HANDLES.values():
            handle.look_by(self.ask)

    def ask(self) -> None:
        """Soon take in what the others have brought since the last time."""
        self._asked.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._go_on, name="telemetry-look", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ends = True
        self._asked.set()

    def _go_on(self) -> None:
        while self._asked.wait() and not self._ends:
            self._asked.clear()
            self._look()

    def _look(self) -> None:
        """What cannot be had now is had later."""
        try:
            for reading in self._readings.of(self._worker):
                generation, seen = self._seen.get(reading, (reading.generation, 0))
                new = reading.placed[seen if generation == reading.generation else 0 :]
                self._seen[reading] = reading.generation, len(reading.placed)
                for placed in new:
                    self._tell(placed.key)
        except Exception:
            guard.later("record")

    def _tell(self, key: bytes) -> None:
        try:
            what, attributes = parse(key)
            handle = HANDLES.get(what.name)
            if handle and scope_from(what.scope).name == self._meter:
                handle.inherit(attributes_of(attributes))
        except ValueError:
            guard.later("record")  # a scrape tells what is wrong there
