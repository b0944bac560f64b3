"""Series of the catalogue as a Prometheus holds them, in a form that two servers can be compared by."""

from __future__ import annotations

from support.servers import PrometheusServer

from monitoring.contract import IDENTITY
from telemetry.catalog import CATALOG
from telemetry.doctor.prometheus import Sample
from telemetry.record.schema import Metric

Key = tuple[str, frozenset[tuple[str, str]]]
NAMES = {
    name: metric
    for metric in CATALOG
    for name in (
        [f"{metric.name}{suffix}" for suffix in ("_bucket", "_sum", "_count")]
        if metric.kind == "histogram"
        else [metric.name]
    )
}


def snapshot(server: PrometheusServer, moment: float, session: str) -> dict[Key, float]:
    """Every series of the catalogue with its value: without who it is from, `le` as a number, sessions that
    have ended left out (0 on some paths), and the one that goes on under a name that all runs share."""
    answer = server.query('{__name__=~"' + "|".join(NAMES) + '"}', at=moment)
    samples = [s for s in answer if s.labels.get("session_id", session) == session or s.value]
    found = {_key(sample, session): sample.value for sample in samples}
    assert len(found) == len(samples), "series that differ in who they are from alone"
    return found


def _key(sample: Sample, session: str) -> Key:
    name = sample.labels["__name__"]
    labels = {
        label: value
        for label, value in sample.labels.items()
        if label != "__name__" and (label not in IDENTITY or label in NAMES[name].label_names)
    }
    if "le" in labels:
        labels["le"] = repr(float(labels["le"]))
    if labels.get("session_id") == session:
        labels["session_id"] = "the session"
    return name, frozenset(labels.items())


def differences(one: dict[Key, float], other: dict[Key, float]) -> list[str]:
    """What the one has and the other has not, or has with another value; a line each."""
    return [
        f"{name}{dict(sorted(labels))}: {one.get((name, labels))} and {other.get((name, labels))}"
        for name, labels in sorted({*one, *other}, key=lambda key: (key[0], sorted(key[1])))
        if one.get((name, labels)) != other.get((name, labels))
    ]


def kind(server: PrometheusServer, metric: Metric) -> str | None:
    """The type that the server was told; None where a path carries none.

    OpenMetrics names a counter's family without `_total`.
    """
    told = server.metadata()
    for name in (metric.name, metric.name.removesuffix("_total")):
        if name in told:
            return told[name]["type"]
    return None
