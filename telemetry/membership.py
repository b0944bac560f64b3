"""This process as one of several that serve: whether it is, what it inherits, and what it forks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping

from opentelemetry.sdk.metrics import MeterProvider

from telemetry.cells import Cells
from telemetry.group import works
from telemetry.guard import guard
from telemetry.metrics import HANDLES
from telemetry.serieskey import attributes_of, parse, scope_from
from telemetry.settings import Settings
from telemetry.workers import Worker, is_worker, join

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


def inherit(cells: Cells, meter: str) -> None:
    """Count the label sets that earlier workers have left: with them a metric keeps to its bound."""
    for key, _ in cells.besides(()):
        what, attributes = parse(key)
        handle = HANDLES.get(what.name)
        if handle and scope_from(what.scope).name == meter:
            handle.inherit(attributes_of(attributes))


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
