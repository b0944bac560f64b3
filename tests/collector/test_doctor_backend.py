"""What the doctor says of a Prometheus, against real ones: paths, doubles, intervals, targets, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from support.doctored import accepts, environ, mended, refuses, verdict
from support.servers import (
    ROOT,
    PrometheusServer,
    Server,
    collector,
    free_port,
    prometheus,
    run_app,
    wait_for,
)

from telemetry.doctor.backend_checks import backend
from telemetry.doctor.estimate import size
from telemetry.doctor.finding import PASSED, Finding
from telemetry.doctor.subject import Subject
from telemetry.metrics import http_request_duration_seconds
from telemetry.push.target import PREFIX
from telemetry.testing import recording

pytestmark = pytest.mark.built

RECEIVER = "--web.enable-otlp-receiver"
OTLP = "/api/v1/otlp"
FAST = "global: {scrape_interval: 1s}\n"
NOTHING_SCRAPED = FAST
INTERVAL = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}


def scraping(*ports: int, interval: str = "1s") -> str:
    """A configuration that scrapes these, honouring labels, as the shipped ones do."""
    targets = ", ".join(f"'127.0.0.1:{port}'" for port in ports)
    job = f"{{job_name: backend, honor_labels: true, static_configs: [{{targets: [{targets}]}}]}}"
    return f"global: {{scrape_interval: {interval}}}\nscrape_configs: [{job}]\n"


@contextmanager
def pushing(url: str, exporters: str = "otlp", **more: str) -> Iterator[Server]:
    """The service, pushing each second to a base address."""
    env = {**INTERVAL, **more, PREFIX + "ENDPOINT": url, "OTEL_METRICS_EXPORTER": exporters}
    with run_app(env=env) as app:
        yield app


def use(app: Server, times: int) -> None:
    """Give the service something to count."""
    for _ in range(times):
        httpx.get(f"{app.url}/api/products", trust_env=False).raise_for_status()


def processes(prom: PrometheusServer, number: int, requests: int) -> None:
    """Wait until so many processes are seen, with so many requests in all."""
    seen = 'sum by (job, instance) (http_requests_total{endpoint="/api/products"})'
    wait_for("the processes", lambda: prom.value(f"count({seen})") == number)
    wait_for("their requests", lambda: prom.value(f"sum({seen})") == requests)


def told(subject: Subject) -> dict[str, Finding]:
    """The findings on a backend, by id."""
    return {finding.id: finding for finding in backend(subject)}


BOTH = {"OTEL_METRICS_EXPORTER": "prometheus,otlp", **INTERVAL}


@pytest.mark.parametrize("version", ["3.12", "3.5"])
def test_a_prometheus_whose_receiver_is_not_enabled(version: str) -> None:
    """404, in its own words, and what enables it."""
    with prometheus(NOTHING_SCRAPED, version=version) as prom:
        finding = refuses(environ(ENDPOINT=prom.url + OTLP), "answer.404")
    assert RECEIVER in " ".join(finding.mend)


def test_a_prometheus_without_the_path_of_its_receiver() -> None:
    """The base path is found by trying, and mends."""
    with prometheus(NOTHING_SCRAPED, version="3.12", flags=[RECEIVER]) as prom:
        given = environ(ENDPOINT=prom.url)
        finding = refuses(given, "answer.404")
        assert finding.mend == (f"{PREFIX}ENDPOINT={prom.url}{OTLP} (tried: accepted)",)
        given = mended(given, finding)
        for _ in range(3):
            assert verdict(given).id == PASSED
        assert prom.query('{__name__=~".+"}') == [], "an empty push made series"
        accepts(given)
        assert prom.value('count({__name__="doctor_gauge"})') == 1


@pytest.mark.parametrize("preference", ["delta", "lowmemory"])
def test_what_delta_leads_to(preference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus refuses the whole push of a counter, which it takes cumulative."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    def push(url: str) -> MetricExportResult:
        exporter = OTLPMetricExporter(f"{url}{OTLP}/v1/metrics", timeout=2)
        reader = InMemoryMetricReader(exporter._preferred_temporality)
        counter = MeterProvider([reader]).get_meter("doctor").create_counter("doctor_total")
        counter.add(1)
        data = reader.get_metrics_data()
        assert data is not None
        return exporter.export(data)

    with prometheus(NOTHING_SCRAPED, version="3.12", flags=[RECEIVER]) as prom:
        assert push(prom.url) is MetricExportResult.SUCCESS
        monkeypatch.setenv(PREFIX + "METRICS_TEMPORALITY_PREFERENCE", preference)
        assert push(prom.url) is MetricExportResult.FAILURE


def test_what_exponential_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library's histogram has no buckets in Prometheus; ours has."""
    monkeypatch.setenv(PREFIX + "METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")
    with prometheus(NOTHING_SCRAPED, version="3.12", flags=[RECEIVER]) as prom:
        with recording(environ(ENDPOINT=prom.url + OTLP), exporter=None) as recorded:
            assert recorded.pipeline._provider is not None
            theirs = recorded.pipeline._provider.get_meter("theirs").create_histogram("theirs_seconds", "s")
            theirs.record(0.2)
            http_request_duration_seconds.labels(method="GET", endpoint="/").observe(0.2)
            recorded.pipeline.flush()
        assert prom.value("count(http_request_duration_seconds_bucket)") == 9
        assert prom.query("theirs_seconds_bucket") == []
        assert prom.value("histogram_count(theirs_seconds)") == 1


def test_scrape_and_push_into_one_prometheus() -> None:
    """One process, twice in one backend; with the push alone it is there once."""
    with ExitStack() as stack:
        port = free_port()
        prom = stack.enter_context(prometheus(scraping(port), version="3.12", flags=[RECEIVER]))
        env = {**INTERVAL, PREFIX + "ENDPOINT": prom.url + OTLP, "OTEL_METRICS_EXPORTER": "prometheus,otlp"}
        app = stack.enter_context(run_app(env=env, port=port))
        subject = Subject(BOTH, api_port=port, prometheus_url=prom.url)
        use(app, 5)
        processes(prom, 2, 10)
        fault = told(subject)["double"]
        assert f'{{job="backend", instance="127.0.0.1:{port}"}}, scraped' in fault.found
        assert '{job="reviewlens-api", instance="' in fault.found


def test_scrape_and_collector_into_one_prometheus() -> None:
    """The push goes through a collector that is scraped too, as in our own configuration."""
    with ExitStack() as stack:
        port = free_port()
        middle = stack.enter_context(collector(ROOT / "otel-collector" / "config.yaml"))
        scraped = scraping(port, int(middle.exporter.rpartition(":")[2]))
        prom = stack.enter_context(prometheus(scraped))
        env = {**INTERVAL, PREFIX + "ENDPOINT": middle.http, "OTEL_METRICS_EXPORTER": "prometheus,otlp"}
        app = stack.enter_context(run_app(env=env, port=port))
        use(app, 5)
        processes(prom, 2, 10)
        assert told(Subject(BOTH, api_port=port, prometheus_url=prom.url))["double"].mend


def test_two_processes_of_which_one_is_scraped_and_one_pushes() -> None:
    """Different numbers: nothing is counted twice."""
    with ExitStack() as stack:
        scraped = stack.enter_context(run_app())
        prom = stack.enter_context(prometheus(scraping(scraped.port), version="3.12", flags=[RECEIVER]))
        pushed = stack.enter_context(pushing(prom.url + OTLP))
        use(scraped, 5)
        httpx.get(f"{pushed.url}/api/products/none", trust_env=False)
        use(pushed, 2)
        processes(prom, 2, 7)
        findings = told(Subject(BOTH, api_port=pushed.port, prometheus_url=prom.url))
        assert findings.keys() == {PASSED}
        assert "1 scraped, 1 pushed" in findings[PASSED].found


def test_the_interval_of_the_push_against_that_of_the_scrape() -> None:
    """Read from the job that scrapes the collector."""
    with ExitStack() as stack:
        middle = stack.enter_context(collector(ROOT / "otel-collector" / "config.yaml"))
        exporter = int(middle.exporter.rpartition(":")[2])
        prom = stack.enter_context(prometheus(scraping(exporter, interval="2s")))
        stack.enter_context(pushing(middle.http))
        processes(prom, 1, 0)
        subject = Subject(environ() | INTERVAL, prometheus_url=prom.url)
        fault = told(subject)["interval"]
        assert "is 1 s; scraped every 2 s (job backend of" in fault.found
        healthy = replace(subject, environ=mended(subject.environ, fault))  # type: ignore[arg-type]
        assert told(healthy).keys() == {PASSED}


def test_a_target_that_is_down_and_one_that_exposes_nothing() -> None:
    """Stopped; and answering 404 because nothing is exposed: the mends differ."""
    with ExitStack() as stack:
        port = free_port()
        prom = stack.enter_context(prometheus(scraping(port)))
        wait_for("a scrape", lambda: "down" in prom.health().values())
        subject = Subject({}, api_port=port, prometheus_url=prom.url)
        assert "connection refused" in told(subject)["target.down"].found
        assert told(subject)["target.down"].mend == ("start the service",)
        stack.enter_context(run_app(env={"OTEL_METRICS_EXPORTER": "none"}, port=port))
        only_otlp = replace(subject, environ={"OTEL_METRICS_EXPORTER": "none"})
        fault = wait_for("a 404", lambda: _with("404", told(only_otlp).get("target.down")))
        assert fault.mend[0].startswith("OTEL_METRICS_EXPORTER=prometheus")


def _with(words: str, finding: Finding | None) -> Finding | None:
    return finding if finding and words in finding.found else None


def test_no_prometheus_at_the_address() -> None:
    """One line, with the address."""
    url = f"http://127.0.0.1:{free_port()}"
    assert told(Subject({}, prometheus_url=url))["prometheus"].found.startswith(f"{url}/api/v1/")


def test_a_running_services_size_is_what_prometheus_stores() -> None:
    """Counted on /metrics and by Prometheus: the same; a limit one below it is a fault."""
    with run_app() as app, prometheus(scraping(app.port)) as prom:
        use(app, 1)
        stored = 'count({job="backend", __name__!~"up|scrape_.*"})'
        series = int(wait_for("series", lambda: prom.value(stored)))
        subject = Subject({}, metrics_url=f"{app.url}/metrics", scrape_interval=10)
        (fine,) = size(replace(subject, max_series=series, max_points=6 * series))
        over = size(replace(subject, max_series=series - 1, max_points=6 * series - 1))
        assert fine.found.startswith(f"about {series} active series, {6 * series} data points per minute")
        assert [finding.id for finding in over] == ["series", "points"]


def test_metrics_that_cannot_be_read() -> None:
    """The estimate is from the catalogue then, and it is said."""
    url = f"http://127.0.0.1:{free_port()}/metrics"
    warning, estimate = size(Subject({}, metrics_url=url))
    assert (warning.id, estimate.id) == ("metrics.unread", PASSED)
    assert "from the catalogue" in estimate.found
