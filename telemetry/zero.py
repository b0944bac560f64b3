"""Series that are there at 0 from the first scrape: without them, nobody sees the first error."""

from __future__ import annotations

from collections.abc import Iterable

from telemetry.guard import guard
from telemetry.metrics import HANDLES, http_request_duration_seconds, http_requests_total
from telemetry.record.handles import LabelError


def known(**values: Iterable[str]) -> None:
    """Put every label set at 0 that can be told now, from the catalogue and from run-time `values`,
    such as known(category=("chair", "mattress"))."""
    given = {name: tuple(texts) for name, texts in values.items()}
    try:
        _refuse_unknown(given)
    except LabelError:
        guard.fault("record")
    for handle in HANDLES.values():
        names = set(handle.metric.label_names)
        if not given or names & given.keys():
            for label_set in handle.metric.known_label_sets(given):
                handle.expect(label_set)


def _refuse_unknown(given: Iterable[str]) -> None:
    names = {name for handle in HANDLES.values() for name in handle.metric.label_names}
    if unknown := sorted(set(given) - names):
        raise LabelError(f"known(): no metric has a label {', '.join(unknown)}; there are {sorted(names)}")


def routes(answers: Iterable[tuple[str, str, str]]) -> None:
    """Put every (method, endpoint template, status code) at 0."""
    for method, endpoint, status_code in answers:
        http_requests_total.expect((method, endpoint, status_code))
        http_request_duration_seconds.expect((method, endpoint))
