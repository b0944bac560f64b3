"""The label sets that earlier processes of a worker have left, and that other workers bring."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from telemetry.guard import guard
from telemetry.store.key import attributes_of, parse, scope_from
from telemetry.store.reader import CellFile
from telemetry.workers.worker import CellFiles, Worker


class Heir(Protocol):
    """A metric that takes over label sets."""

    def inherit(self, attributes: Mapping[str, str]) -> None: ...

    def look_by(self, look: Callable[[], None]) -> None: ...


class Inheritance:
    """The label sets that earlier processes of this worker and other workers have: with them a metric keeps
    to its limit, over all of them. They are looked for in a thread, for files may keep one waiting."""

    def __init__(self, worker: Worker, meter: str, handles: Mapping[str, Heir]) -> None:
        self._worker, self._meter, self._handles = worker, meter, handles
        self._readings = CellFiles()
        self._seen: dict[CellFile, tuple[int, int]] = {}
        self._asked, self._ends = threading.Event(), False
        self._thread: threading.Thread | None = None
        for key, _ in worker.cells.besides(()):
            self._tell(key)
        self._look()
        for handle in handles.values():
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
            handle = self._handles.get(what.name)
            if handle and scope_from(what.scope).name == self._meter:
                handle.inherit(attributes_of(attributes))
        except ValueError:
            guard.later("record")  # a scrape tells what is wrong there
