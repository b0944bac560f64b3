"""Show series at 0 from the first scrape: without them, nobody sees the first error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from telemetry.guard import guard
from telemetry.record.handles import Handle, LabelError

Handles = Mapping[str, Handle[Any]]


def label_sets(handles: Handles, **values: Iterable[str]) -> None:
    """Put every label set at 0 that follows from the metrics' rows and from run-time `values`."""
    given = {name: tuple(texts) for name, texts in values.items()}
    try:
        _refuse_unknown(handles, given)
    except LabelError:
        guard.fault("record")
    for handle in handles.values():
        names = set(handle.metric.label_names)
        if not given or names & given.keys():
            for label_set in handle.metric.preinitialised_label_sets(given):
                handle.preinitialise(label_set)


def _refuse_unknown(handles: Handles, given: Iterable[str]) -> None:
    names = {name for handle in handles.values() for name in handle.metric.label_names}
    if unknown := sorted(set(given) - names):
        raise LabelError(f"known(): no metric has a label {', '.join(unknown)}; there are {sorted(names)}")
