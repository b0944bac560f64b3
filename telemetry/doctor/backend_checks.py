"""Checks of the environment against what a Prometheus scrapes and stores."""

from __future__ import annotations

from collections.abc import Iterator

from telemetry.doctor.backend import Backend
from telemetry.doctor.double import double
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.prometheus import PrometheusError
from telemetry.doctor.subject import Subject
from telemetry.doctor.targets import targets
from telemetry.settings import EXPORT_INTERVAL_MS

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
EXPORTERS = "OTEL_METRICS_EXPORTER"


def backend(subject: Subject) -> Iterator[Finding]:
    """What the given Prometheus shows; without one, what the settings alone allow to say."""
    if not subject.prometheus_url or subject.offline:
        yield from _interval(subject, subject.scrape_interval, "--scrape-interval")
        yield from _double_possible(subject)
        return
    prometheus = Backend(subject.prometheus_url, subject.timeout, subject.metrics_path)
    try:
        yield from targets(subject, prometheus)
        yield from _intervals(subject, prometheus)
        yield from double(subject, prometheus)
    except PrometheusError as error:
        yield found(
            "prometheus",
            f"{error}; expected a running Prometheus",
            "start it, or give another address with --prometheus, such as http://localhost:9090",
        )


def _intervals(subject: Subject, prometheus: Backend) -> Iterator[Finding]:
    scraped = {target.interval: target for target in prometheus.exposing}
    if subject.scrape_interval is not None or not scraped:
        yield from _interval(subject, subject.scrape_interval, "--scrape-interval")
        return
    for interval, target in scraped.items():
        yield from _interval(subject, interval, f"job {target.labels.get('job')} of {prometheus.where}")


def _interval(subject: Subject, scrape: float | None, source: str) -> Iterator[Finding]:
    if not subject.settings.otlp:
        return
    pushed = subject.settings.metric_export_interval_ms / 1000
    is_given = scrape is not None
    wanted = scrape if scrape is not None else EXPORT_INTERVAL_MS / 1000
    if pushed == wanted:
        yield passed(
            f"pushed every {pushed:g} s, as it is scraped ({source if is_given else 'the shipped configs'})"
        )
        return
    yield found(
        "interval" if is_given else "interval.assumed",
        f"{INTERVAL}={pushed * 1000:.0f} is {pushed:g} s; scraped every {wanted:g} s "
        f"({source if is_given else 'the shipped configs; --scrape-interval or --prometheus tell yours'})",
        f"{INTERVAL}={wanted * 1000:.0f}",
    )


def _double_possible(subject: Subject) -> Iterator[Finding]:
    if subject.settings.otlp and subject.settings.prometheus:
        yield found(
            "double.possible",
            f"{EXPORTERS}={','.join(subject.settings.metrics_exporters)}; right while scrape and push go to "
            "different backends; --prometheus URL looks into one",
            f"{EXPORTERS}=otlp",
            f"{EXPORTERS}=prometheus",
        )
