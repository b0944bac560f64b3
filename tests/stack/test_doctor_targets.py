"""Whether a real Prometheus scrapes the service, as the doctor sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.servers import PrometheusServer, free_port, prometheus, run_app, wait_for

from app.product import PRODUCT
from telemetry.doctor.backend_checks import backend
from telemetry.doctor.finding import Finding
from telemetry.doctor.subject import Subject

SCRAPED = {"OTEL_METRICS_EXPORTER": "prometheus"}


def job(name: str, port: int, **labels: str) -> dict[str, Any]:
    """A scrape job as the shipped configurations have them."""
    static = {"targets": [f"127.0.0.1:{port}"], "labels": labels}
    return {"job_name": name, "honor_labels": True, "static_configs": [static]}


@contextmanager
def scraping(*jobs: dict[str, Any]) -> Iterator[PrometheusServer]:
    """A Prometheus with these jobs, each of them scraped once."""
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs)}
    with prometheus(json.dumps(config)) as server:
        wait_for(
            "each target to be scraped",
            lambda: len(server.health()) == len(jobs) and "unknown" not in server.health().values(),
        )
        yield server


def told(server: PrometheusServer, port: int, **environ: str) -> list[Finding]:
    """What is found on the service at a port."""
    return list(backend(Subject({**SCRAPED, **environ}, PRODUCT, api_port=port, prometheus_url=server.url)))


def ids(findings: list[Finding]) -> set[str]:
    return {finding.id for finding in findings if finding.severity == "fault"}


@dataclass(frozen=True)
class Named:
    """A way in which a target is known as the service's, whatever its port is."""

    job: str
    labels: tuple[tuple[str, str], ...] = ()


@pytest.mark.parametrize(
    "named",
    [Named("reviewlens-backend"), Named("reviewlens-api"), Named("app", (("service", "reviewlens-api"),))],
)
def test_a_target_at_another_port_is_a_fault(named: Named) -> None:
    """Down, known by its job or service; the mend is the port on which the service listens."""
    elsewhere = free_port()
    with run_app() as app, scraping(job(named.job, elsewhere, **dict(named.labels))) as server:
        findings = told(server, app.port)
    assert ids(findings) == {"target.down"}
    (fault,) = [finding for finding in findings if finding.id == "target.down"]
    assert fault.found.startswith(f"http://127.0.0.1:{elsewhere}/metrics: ")
    assert fault.mend[0] == f"127.0.0.1:{app.port} as the target: the service listens on {app.port}"


def test_a_target_that_once_was_the_service_is_a_fault() -> None:
    """A job of any name, whose last scrapes had the service's metrics."""
    with run_app() as app:
        manager = scraping(job("shop", app.port))
        server = manager.__enter__()
        wait_for("the service's series", lambda: server.query("http_requests_total"))
    try:
        wait_for("the target to be down", lambda: "down" in server.health().values())
        assert ids(told(server, free_port())) == {"target.down"}
    finally:
        manager.__exit__(None, None, None)


def test_no_target_at_all_is_a_fault() -> None:
    """Nothing is scraped but Prometheus itself; the words list what there is."""
    with run_app() as app, scraping() as server:
        assert ids(told(server, app.port)) == {"target.none"}
    with run_app() as app, prometheus("global: {}") as other, scraping(job("other", other.port)) as server:
        (fault,) = [finding for finding in told(server, app.port) if finding.id == "target.none"]
        assert f"its targets: other http://127.0.0.1:{other.port}/metrics (up)" in fault.found
        assert f'targets: ["localhost:{app.port}"]' in fault.mend[0]


def test_something_else_at_the_services_port_is_no_target() -> None:
    """It answers, with metrics of its own."""
    with prometheus("global: {}") as other, scraping(job("app", other.port)) as server:
        assert ids(told(server, other.port)) == {"target.none"}


def test_a_service_that_is_scraped_is_no_fault() -> None:
    """Under any job; an importer that does not run is none either."""
    with run_app() as app, scraping(job("any", app.port), job("crawl-script", free_port())) as server:
        findings = told(server, app.port)
        assert ids(findings) == set()
        assert f"{server.url} scrapes http://127.0.0.1:{app.port}/metrics" in [f.found for f in findings]
        # The port of this shell says little where Prometheus has the service's metrics.
        assert ids(told(server, free_port())) == set()


@pytest.mark.parametrize("exporters", ["otlp", "none", "prometheus,otlp"])
def test_a_push_needs_no_target(exporters: str) -> None:
    """Its series may come through a receiver."""
    interval = {"OTEL_METRIC_EXPORT_INTERVAL": "10000"}
    with scraping() as server:
        assert ids(told(server, free_port(), OTEL_METRICS_EXPORTER=exporters, **interval)) == set()


def test_a_series_of_an_earlier_port_is_no_push(tmp_path: Path) -> None:
    """Its target has gone, and Prometheus has marked it: one process is scraped, none pushes."""
    config = tmp_path / "prometheus.yml"

    def scrape(port: int) -> None:
        jobs = [job("reviewlens-backend", port)]
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))

    with run_app() as before, run_app() as now:
        scrape(before.port)
        with prometheus(config) as server:
            wait_for("the first port", lambda: server.value('count(http_requests_total{job!=""}) > 0'))
            scrape(now.port)
            server.reload()
            seen = "count by (instance) (http_requests_total)"
            instances = {f"127.0.0.1:{now.port}"}
            wait_for(
                "the other port alone",
                lambda: {labels["instance"] for labels, _ in server.query(seen)} == instances,
            )
            findings = told(server, now.port)
    assert ids(findings) == set()
    assert "1 scraped, 0 pushed" in findings[-1].found
