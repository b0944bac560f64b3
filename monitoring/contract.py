"""Whether an expression selects only series that exist: metric, labels, label values, bucket bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from monitoring.queries import Match, Selector, answered_labels, groupings, selectors
from monitoring.targets import Rule
from telemetry.catalog import CATALOG
from telemetry.record.schema import Metric

IDENTITY = frozenset({"job", "instance", "service", "env", "monitor", "cluster", "environment"})
STATUS_CODES = tuple(str(code) for code in range(100, 600))


@dataclass(frozen=True)
class KnownSeries:
    """One series that exists. A label with no values takes any."""

    name: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: str = ""


def catalogue_series(catalog: Iterable[Metric] = CATALOG) -> Iterator[KnownSeries]:
    """The series that the metrics of a catalogue become in Prometheus."""
    for metric in catalog:
        labels = {label.name: _values(metric, at) for at, label in enumerate(metric.labels)}
        if metric.kind != "histogram":
            yield KnownSeries(metric.name, labels, metric.name)
            continue
        spellings = tuple(text for bound in metric.buckets for text in spellings_of(bound))
        yield KnownSeries(f"{metric.name}_bucket", {**labels, "le": (*spellings, "+Inf")}, metric.name)
        yield KnownSeries(f"{metric.name}_sum", labels, metric.name)
        yield KnownSeries(f"{metric.name}_count", labels, metric.name)


def _values(metric: Metric, at: int) -> tuple[str, ...]:
    if metric.labels[at].name == "status_code":
        return STATUS_CODES
    return metric.labels[at].values or tuple(dict.fromkeys(values[at] for values in metric.preinitialised))


def spellings_of(bound: float) -> tuple[str, ...]:
    """How a bucket bound is written: as scraped ("1.0") and as pushed ("1")."""
    return tuple(dict.fromkeys((str(float(bound)), f"{bound:g}")))


def recorded_series(rules: Iterable[Rule]) -> Iterator[KnownSeries]:
    """The series of recording rules, with the labels that their answers have or that the rules give."""
    labels: dict[str, dict[str, tuple[str, ...]]] = {}
    for rule in rules:
        if not rule.is_alert:
            found = labels.setdefault(rule.name, {})
            found.update(dict.fromkeys((answered_labels(rule.expr) or set()) - {"le"}, ()))
            for label, value in rule.labels.items():
                found[label] = (*found.get(label, ()), value)
    return (KnownSeries(name, found, name) for name, found in labels.items())


def alert_series(rules: Iterable[Rule]) -> KnownSeries:
    """Prometheus's own ALERTS, with the names and labels that the rules give."""
    alerts = [rule for rule in rules if rule.is_alert]
    labels: dict[str, tuple[str, ...]] = {"alertname": (), "alertstate": ("pending", "firing")}
    for rule in alerts:
        for label, value in {**rule.labels, "alertname": rule.name}.items():
            labels[label] = (*labels.get(label, ()), value)
    return KnownSeries("ALERTS", labels)


# Series of Prometheus itself that a panel may read. Real servers are asked whether they have them.
PROMETHEUS_SERIES: tuple[KnownSeries, ...] = (
    KnownSeries("up", {"job": (), "instance": ()}),
    KnownSeries("scrape_duration_seconds", {"job": (), "instance": ()}),
    KnownSeries("scrape_samples_scraped", {"job": (), "instance": ()}),
    KnownSeries("prometheus_tsdb_head_series"),
    KnownSeries("prometheus_notifications_errors_total", {"alertmanager": ()}),
    KnownSeries("prometheus_notifications_dropped_total"),
    KnownSeries("prometheus_rule_evaluation_failures_total", {"rule_group": ()}),
)

# Series of the collector itself that an alert or a runbook may read; a real one is asked for them, too.
COLLECTOR_SERIES: tuple[KnownSeries, ...] = (
    KnownSeries("otelcol_receiver_accepted_metric_points_total", {"receiver": ("otlp",), "transport": ()}),
    KnownSeries("otelcol_receiver_refused_metric_points_total", {"receiver": ("otlp",), "transport": ()}),
    KnownSeries("otelcol_exporter_sent_metric_points_total", {"exporter": ()}),
    KnownSeries("otelcol_exporter_send_failed_metric_points_total", {"exporter": ()}),
    KnownSeries("otelcol_exporter_enqueue_failed_metric_points_total", {"exporter": ()}),
    KnownSeries("otelcol_exporter_queue_size", {"exporter": (), "data_type": ()}),
    KnownSeries("otelcol_exporter_queue_capacity", {"exporter": (), "data_type": ()}),
    KnownSeries("otelcol_process_memory_rss_bytes"),
)


def faults(expr: str, known: Mapping[str, KnownSeries]) -> Iterator[str]:
    """What an expression (its variables filled) selects that does not exist, one line each."""
    for selector in selectors(expr):
        series = known.get(selector.metric)
        if series is None:
            yield f"metric {selector.metric!r} does not exist"
            continue
        for match in selector.matches:
            yield from _match_faults(match, series)
    for grouping in groupings(expr):
        for metric in grouping.metrics:
            if metric in known:
                missing = set(grouping.labels) - set(known[metric].labels)
                yield from (f"{metric} has no label {label!r} to group by" for label in sorted(missing))


def _match_faults(match: Match, series: KnownSeries) -> Iterator[str]:
    values = series.labels.get(match.label)
    if values is None:
        yield f"{series.name} has no label {match.label!r}"
    elif values:
        for part in match.value.split("|") if match.is_regex and "(" not in match.value else [match.value]:
            positive = Match(match.label, "=~" if match.is_regex else "=", part)
            if not any(map(positive.holds, values)):
                yield f"{series.name}: no {match.label} is {part!r}"
        if match.label == "le":
            yield from _spelling_faults(match, values)


def _spelling_faults(match: Match, values: tuple[str, ...]) -> Iterator[str]:
    for value in values:
        both = spellings_of(float(value))
        if value != "+Inf" and len({match.holds(text) for text in both}) > 1:
            yield f"le{match.operator}{match.value!r} tells {' from '.join(both)}, which are one bound"


def identity_faults(selector: Selector) -> Iterator[str]:
    """Selections on labels that differ between the paths a number can take."""
    for match in selector.matches:
        if match.label in IDENTITY:
            yield f"{selector.metric} is selected by {match.label}, which differs by path"
