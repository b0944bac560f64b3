"""How many series and data points per minute there will be: read from /metrics, else from the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from math import prod

from prometheus_client.parser import text_string_to_metric_families

from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.proxies import get
from telemetry.doctor.scraped import OF_METRICS, credentials
from telemetry.doctor.subject import Subject
from telemetry.record.schema import Metric
from telemetry.registries import DEFAULT, rows
from telemetry.secrets import without_secrets
from telemetry.settings import TOKEN_FILE

NOT_RUNNING = "start the service, or leave --metrics-url out"
NO_METRICS = (
    "give the address of a service's metrics with --metrics-url, such as http://localhost:8000/metrics"
)
TOKEN_MEND = f"{TOKEN_FILE}=the file that the service has, as this user may read it"
HEAVIEST = 3
# Seconds; beyond it, rate() over 5 minutes has too few points.
SLOWEST = 60
# How many values the engine's labels take where nobody says: a method goes with its end point.
VALUES: Mapping[str, int] = {"endpoint": 10, "method": 1, "status_code": 4}


def size(subject: Subject) -> Iterator[Finding]:
    """Series and points per minute against the limits; without limits, what they are."""
    exporters = (subject.settings.prometheus, subject.settings.otlp)
    if not any(exporters):
        return
    values = {**VALUES, **subject.product.label_values, **subject.values}
    sizes: Counter[str] | None = None
    source = "from the catalogue, with " + " ".join(f"{name}={count}" for name, count in values.items())
    if subject.metrics_url and not subject.offline:
        sizes, problem, mend = _exposed(subject)
        where = without_secrets(subject.metrics_url, *subject.metrics_path)
        if problem:
            yield found("metrics.unread", f"{where}: {problem}", mend)
        else:
            source = f"from {where}"
    sizes = sizes or catalogued(values, subject.product.single_labels)
    yield from _judged(subject, sizes, source)


def _judged(subject: Subject, sizes: Counter[str], source: str) -> Iterator[Finding]:
    series = sizes.total() * subject.instances
    interval = _interval(subject)
    points = round(series * 60 / interval)
    heaviest = ", ".join(f"{name} {count}" for name, count in sizes.most_common(HEAVIEST))
    processes = "1 process" if subject.instances == 1 else f"{subject.instances} processes"
    details = f"{source}; {processes}, every {interval:g} s; the heaviest: {heaviest}"
    over = False
    if subject.max_series is not None and series > subject.max_series:
        over = True
        yield found(
            "series",
            f"about {series} active series, limit {subject.max_series} ({details})",
            "drop what nobody reads, in the collector or by write_relabel_configs, the heaviest first",
            f"have the limit raised to {series}",
        )
    if subject.max_points is not None and points > subject.max_points:
        over = True
        yield found(
            "points",
            f"about {points} data points per minute, limit {subject.max_points} ({details})",
            _slower(subject, _round_up(series * 60 / subject.max_points)),
            f"have the limit raised to {points}",
        )
    if not over:
        yield passed(f"about {series} active series, {points} data points per minute ({details})")


def _slower(subject: Subject, interval: int) -> str:
    """What keeps the limit of points: a longer interval, as long as graphs bear it."""
    if interval > SLOWEST:
        return f"drop what nobody reads, the heaviest first: an interval of {interval} s would be too long"
    if subject.settings.otlp:
        return f"OTEL_METRIC_EXPORT_INTERVAL={interval * 1000}, and the same scrape interval"
    return f"scrape_interval: {interval}s"


def _interval(subject: Subject) -> float:
    pushed = subject.settings.metric_export_interval_ms / 1000
    return pushed if subject.settings.otlp else subject.scrape_interval or pushed


def _round_up(seconds: float) -> int:
    """To the next 5 seconds."""
    return int(-(-seconds // 5) * 5)


def catalogued(values: Mapping[str, int], single_labels: Set[str] = frozenset()) -> Counter[str]:
    """Series by metric, with so many values in each label. See ExaminedProgram."""
    return Counter(
        {
            metric.name: _label_sets(metric, values, single_labels) * metric.series_per_label_set
            for metric in rows(DEFAULT)
        }
    )


def _label_sets(metric: Metric, values: Mapping[str, int], single_labels: Set[str]) -> int:
    if metric.preinitialised:
        return len(metric.preinitialised)
    if single := next((name for name in metric.label_names if name in single_labels), None):
        return min(values.get(single, 0), metric.cardinality_limit)
    counts = (
        min(values.get(label.name, len(label.values) or 1), len(label.values) or metric.cardinality_limit)
        for label in metric.labels
    )
    return min(prod(counts), metric.cardinality_limit)


def _exposed(subject: Subject) -> tuple[Counter[str] | None, str, str]:
    """Series by metric on /metrics; or why they could not be read, and what mends it."""
    import requests

    from telemetry.push.failures import in_words

    url = subject.metrics_url
    try:
        response = get(url, timeout=subject.timeout, headers=credentials(subject))
    except requests.RequestException as error:
        return None, in_words(error), NOT_RUNNING
    kind = response.headers.get("content-type", "no type").partition(";")[0]
    if response.status_code in (401, 403):
        return None, f"the answer is {response.status_code}: {_token(subject)}", TOKEN_MEND
    if response.status_code != requests.codes.ok or kind not in OF_METRICS:
        return None, f"the answer is {response.status_code} with {kind}, no metrics", NO_METRICS
    try:
        families = list(text_string_to_metric_families(response.text))
    except ValueError:
        return None, "the answer cannot be read as metrics", NO_METRICS
    ending = {"counter": "_total"}
    return Counter({f.name + ending.get(f.type, ""): len(f.samples) for f in families if f.samples}), "", ""


def _token(subject: Subject) -> str:
    return (
        f"the token in {TOKEN_FILE} is not the service's"
        if subject.settings.token_file
        else "it asks for a token"
    )
