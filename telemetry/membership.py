"""This process as one of several that serve: whether it is, what it inherits, and what it forks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping

from opentelemetry.sdk.metrics import MeterProvider

from telemetry.group import works
from telemetry.guard import guard
from telemetry.metrics import HANDLES
from telemetry.reading import Reading
from telemetry.serieskey import attributes_of, parse, scope_from
from telemetry.settings import Settings
from telemetry.workers import Readings, Worker, is_worker, join

FORK_SECONDS = 1.0
"""How long a fork waits for a collection that is going on."""

_log = logging.getLogger("telemetry")


def joined(settings: Settings, environ: Mapping[str, str]) -> Worker | None:
    """This process among the workers of its server; a folder that cannot be used leaves it alone."""
    if settings.sdk_disabled or not settings.metrics_exporters or not is_worker(environ):
        return None
    if not works():
        _log.error("this version of the SDK is not known: each worker tells its own numbers alone")
        return None
    try:
        return join(environ)
    except OSError as error:
        _log.error("telemetry of several workers cannot be put together: %s", error)
        guard.count_fault("record")
        return None


def name(worker: Worker | None, environ: Mapping[str, str]) -> str | None:
    """What tells this process from the other workers of its server; None where it is the only one."""
    if worker:
        return str(worker.number or "")
    return str(os.getpid()) if is_worker(environ) else None


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


def at_fork(provider: MeterProvider, in_child: Callable[[], None]) -> None:
    """Run `in_child` in every process that this one forks. No thread is amid a collection then: the child
    would have its locks for ever, and nobody to open them."""
    collecting: threading.Lock = provider._measurement_consumer._lock
    held: list[threading.Lock] = []

    def before() -> None:
        if collecting.acquire(timeout=FORK_SECONDS):
            held.append(collecting)

    def after() -> None:
        while held:
            held.pop().release()

    def child() -> None:
        after()
        in_child()

    # After the SDK's own, which gives each forked process an instance that no restart has again.
    os.register_at_fork(before=before, after_in_parent=after, after_in_child=child)
