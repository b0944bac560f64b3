"""Is the service a target of Prometheus, and can it be scraped?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from telemetry.doctor.backend import GATEWAY, METRIC, Backend
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.prometheus import ScrapeTarget
from telemetry.doctor.subject import Subject

NOT_EXPOSED = "OTEL_METRICS_EXPORTER=prometheus for the service, and metrics_path: {path} for its job"
WITH_CREDENTIALS = "authorization: {credentials_file: FILE}, with the token of TELEMETRY_METRICS_TOKEN_FILE"
# How long a target is remembered for what it exposed.
REMEMBERED = "1h"
# What Prometheus says -> what to do where it runs in Docker, and where it runs beside the service.
SIGNS = (
    ("401", WITH_CREDENTIALS, WITH_CREDENTIALS),
    ("404", NOT_EXPOSED, NOT_EXPOSED),
    (
        "refused",
        "{host_variable}=0.0.0.0, if the service runs and listens on loopback only",
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


def targets(subject: Subject, prometheus: Backend) -> Iterator[Finding]:
    """The service's targets that are down, and whether there is one at all. A pure push needs none."""
    ours = _ours(subject, prometheus)
    down = [target for target in ours if target.health == "down"]
    for target in down:
        yield found("target.down", f"{target.url}: {target.error}", *_mends(subject, target))
    exposing = [target for target in prometheus.exposing if target.health == "up"]
    for target in exposing:
        yield passed(f"{prometheus.where} scrapes {target.url}")
    waiting = any(target.health == "unknown" for target in ours)
    if subject.settings.prometheus and not (subject.settings.otlp or down or exposing or waiting):
        yield found("target.none", _nothing(prometheus), *_jobs(subject))


def _ours(subject: Subject, prometheus: Backend) -> list[ScrapeTarget]:
    """By the port, by job or service name, or by what was scraped from it before it went down."""
    product = subject.product
    names = {*product.jobs, subject.settings.service_name}
    rows = prometheus.query(f"group by (job, instance) (last_over_time({METRIC}[{REMEMBERED}]))")
    known = [(labels.get("job"), labels.get("instance")) for labels, _ in rows]

    def is_ours(target: ScrapeTarget) -> bool:
        job, service = target.labels.get("job", ""), target.labels.get("service", "")
        if not product.optional_jobs.isdisjoint((job, service)):
            return False
        by_name = not names.isdisjoint((job, service))
        return (
            by_name or _port(target) == subject.scraped_at[2] or (job, target.labels.get("instance")) in known
        )

    return [target for target in prometheus.scraped if is_ours(target)]


def _port(target: ScrapeTarget) -> int | None:
    url = urlsplit(target.url)
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _mends(subject: Subject, target: ScrapeTarget) -> Iterator[str]:
    """The service's own port where it listens there, then what Prometheus' words ask for."""
    from_docker = urlsplit(target.url).hostname == GATEWAY
    port = subject.scraped_at[2]
    if _port(target) != port and listens("127.0.0.1", port, subject.timeout):
        yield f"{_address(target.url, port)} as the target: the service listens on {port}"
    for sign, in_docker, here in SIGNS:
        if sign in target.error:
            mend = in_docker if from_docker else here
            yield mend.replace("{path}", subject.settings.metrics_path).replace(
                "{host_variable}", subject.product.host_variable
            )
            return
    yield "see the log of the service"


def _nothing(prometheus: Backend) -> str:
    """Which targets there are: one of them may be meant for the service."""
    there = ", ".join(
        f"{target.labels.get('job')} {target.url} ({target.health})" for target in prometheus.scraped
    )
    return f"none of {prometheus.where} has the service's metrics; its targets: {there or 'none'}"


def _jobs(subject: Subject) -> Iterator[str]:
    yield f'a scrape job with honor_labels: true and targets: ["localhost:{subject.scraped_at[2]}"]'
    yield "OTEL_METRICS_EXPORTER=otlp, where the service is to push"


def _address(url: str, port: int) -> str:
    host = urlsplit(url).hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listens(host: str, port: int, timeout: float) -> bool:
    """Whether somebody takes a connection there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True
