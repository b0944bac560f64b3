"""The label sets that earlier processes of a worker have left, and that other workers bring."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from telemetry.guard import guard
from telemetry.store.follower import CellRecord, Store
from telemetry.store.key import attributes_of, scope_from
from telemetry.workers.worker import Worker


class Heir(Protocol):
    """A metric that takes over label sets."""

    def inherit(self, attributes: Mapping[str, str]) -> None: ...

    def look_by(self, look: Callable[[], None]) -> None: ...


class Inheritance:
    """The label sets that earlier processes of this worker and other workers have: with them a metric keeps
    to its limit, over all of them. They come with each scrape, and are looked for in a thread where a metric
    asks, for files may keep one waiting."""

    def __init__(self, worker: Worker, meter: str, handles: Mapping[str, Heir]) -> None:
        self._worker, self._meter, self._handles = worker, meter, handles
        self._own: Store | None = None
        self._asked, self._ends = threading.Event(), False
        self._thread: threading.Thread | None = None
        worker.files.follower.subscribe(self)
        self._look()
        self._own = worker.cells  # from now on it has what these handles bring
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
        self._worker.files.follower.unsubscribe(self)
        self._ends = True
        self._asked.set()

    def _go_on(self) -> None:
        while self._asked.wait() and not self._ends:
            self._asked.clear()
            self._look()

    def _look(self) -> None:
        """What cannot be had now is had later."""
        try:
            self._worker.follow()
        except Exception:
            guard.later("record")

    def begin(self, store: Store) -> None:
        """What was inherited stays."""

    def take(self, store: Store, record: CellRecord) -> None:
        """Inherit a label set, unless it is one that this process has brought."""
        handle = self._handles.get(record.what.name)
        if not handle or store is self._own or scope_from(record.what.scope).name != self._meter:
            return
        try:
            handle.inherit(attributes_of(record.attributes))
        except Exception:
            guard.later("record")
