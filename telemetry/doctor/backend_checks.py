"""Checks of the environment against what a Prometheus scrapes and stores."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from telemetry.doctor.backend import GATEWAY, BackendError, Prometheus, Target
from telemetry.doctor.double import double
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.subject import Subject
from telemetry.settings import EXPORT_INTERVAL_MS

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
EXPORTERS = "OTEL_METRICS_EXPORTER"
NOT_EXPOSED = f"{EXPORTERS}=prometheus, and a right metrics_path: /metrics"
# What Prometheus says -> what to do where it runs in Docker, and where it runs beside the service.
SIGNS = (
    ("404", NOT_EXPOSED, NOT_EXPOSED),
    (
        "refused",
        "REVIEWLENS_HOST=0.0.0.0, if the service runs and listens on loopback only",
        "start the service",
    ),
    ("lookup", f'extra_hosts: ["{GATEWAY}:host-gateway"] for Prometheus', "correct the target's host name"),
    ("deadline", "let containers through this machine's firewall to that port", "see why /metrics is slow"),
    (
        "no route",
        "let containers through this machine's firewall to that port",
        "correct the target's address",
    ),
)


def backend(subject: Subject) -> Iterator[Finding]:
    """What the given Prometheus shows; without one, what the settings alone allow to say."""
    if not subject.prometheus_url or subject.offline:
        yield from _interval(subject, subject.scrape_interval, "--scrape-interval")
        yield from _double_possible(subject)
        return
    prometheus = Prometheus(subject.prometheus_url, subject.timeout)
    try:
        yield from _down(subject, prometheus)
        yield from _intervals(subject, prometheus)
        yield from double(subject, prometheus)
    except BackendError as error:
        yield found("prometheus", str(error), "give the address of a running Prometheus with --prometheus")


def _down(subject: Subject, prometheus: Prometheus) -> Iterator[Finding]:
    """The service's targets that cannot be scraped; they are known by their port."""
    for target in prometheus.targets:
        if target.health == "down" and urlsplit(target.url).port == subject.scraped_at[2]:
            yield found("target.down", f"{target.url}: {target.error}", _up(target))


def _up(target: Target) -> str:
    """What brings a target up, by what Prometheus says of it."""
    from_docker = urlsplit(target.url).hostname == GATEWAY
    for sign, in_docker, here in SIGNS:
        if sign in target.error:
            return in_docker if from_docker else here
    return "see the log of the service"


def _intervals(subject: Subject, prometheus: Prometheus) -> Iterator[Finding]:
    scraped = {target.interval: target for target in prometheus.exposing}
    if subject.scrape_interval is not None or not scraped:
        yield from _interval(subject, subject.scrape_interval, "--scrape-interval")
        return
    for interval, target in scraped.items():
        yield from _interval(subject, interval, f"job {target.labels.get('job')} of {prometheus.url}")


def _interval(subject: Subject, scrape: float | None, source: str) -> Iterator[Finding]:
    if not subject.settings.otlp:
        return
    pushed = subject.settings.metric_export_interval_ms / 1000
    told = scrape is not None
    wanted = scrape if scrape is not None else EXPORT_INTERVAL_MS / 1000
    if pushed == wanted:
        yield passed(
            f"pushed every {pushed:g} s, as it is scraped ({source if told else 'the shipped configs'})"
        )
        return
    yield found(
        "interval" if told else "interval.assumed",
        f"{INTERVAL}={pushed * 1000:.0f} is {pushed:g} s; scraped every {wanted:g} s "
        f"({source if told else 'the shipped configs; --scrape-interval or --prometheus tell yours'})",
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
