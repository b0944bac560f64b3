"""The doctor on the token of the metrics, and on the port of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from support.servers import free_port

from app.product import PRODUCT
from telemetry.doctor.checks import examine
from telemetry.doctor.finding import Finding
from telemetry.doctor.subject import Subject
from telemetry.scrape.endpoint import MetricsEndpoint
from telemetry.serve import MetricsServer
from telemetry.testing import recording

TOKEN = "s3cret-t0ken"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A token that nobody else may read."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


def told(environ: dict[str, str], metrics_url: str = "") -> tuple[Finding, ...]:
    """All findings; the token is in none."""
    findings = examine(Subject(environ, metrics_url=metrics_url, timeout=2)).findings
    assert TOKEN not in str(findings)
    return findings


def test_a_token_file_is_good_or_names_what_is_wrong(token_file: Path) -> None:
    """As the start would."""
    environ = {"TELEMETRY_METRICS_TOKEN_FILE": str(token_file)}
    good = f"TELEMETRY_METRICS_TOKEN_FILE={token_file}: one token, and nobody else may read it"
    assert good in [finding.found for finding in told(environ)]
    token_file.chmod(0o644)
    (fault,) = [finding for finding in told(environ) if finding.severity == "fault"]
    assert fault.id == "setting"
    assert "others may use it (mode 0644)" in fault.found


def test_a_port_of_their_own_is_free_ours_or_anothers(token_file: Path) -> None:
    """Ours answers with metrics to who has the token."""
    port = free_port()
    environ = {
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "TELEMETRY_METRICS_TOKEN_FILE": str(token_file),
    }
    url = f"http://127.0.0.1:{port}/metrics"
    free = f"the metrics will be at {url}; the service does not run now"
    assert free in [finding.found for finding in told(environ)]
    with recording(environ) as recorded:
        serving = MetricsServer(recorded.pipeline.endpoint, "127.0.0.1", port)
        findings = told(environ, url)
        serving.close()
    assert f"the metrics are at {url}" in [finding.found for finding in findings]
    assert [finding.id for finding in findings if finding.severity != "ok"] == []
    other = MetricsServer(MetricsEndpoint(None), "127.0.0.1", port)
    (fault,) = [finding for finding in told(environ) if finding.severity == "fault"]
    other.close()
    assert (fault.id, fault.mend) == ("metrics.port", ("OTEL_EXPORTER_PROMETHEUS_PORT=a free port",))
    assert fault.found.endswith(f"{url}: 404")


def test_another_programs_metrics_are_not_ours() -> None:
    """Any Prometheus has a page of metrics."""
    other, thread = start_http_server(0, "127.0.0.1", CollectorRegistry())
    port = other.server_port
    given = {"OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
    (fault,) = [finding for finding in told(given) if finding.severity == "fault"]
    other.shutdown()
    thread.join(10)
    other.server_close()
    assert fault.id == "metrics.port"
    assert fault.found.endswith("another program's metrics")


def test_a_running_service_is_read_with_its_token(token_file: Path) -> None:
    """The estimate is of what it shows."""
    environ = {"TELEMETRY_METRICS_TOKEN_FILE": str(token_file)}
    with recording(environ) as recorded:
        serving = MetricsServer(recorded.pipeline.endpoint, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{serving.port}/metrics"
        findings, without = told(environ, url), told({}, url)
        serving.close()
    assert any(f"from {url}" in finding.found for finding in findings)
    assert "metrics.unread" in [finding.id for finding in without]


def test_the_port_that_prometheus_is_asked_about_is_the_metrics_own() -> None:
    """Not the service's, which has none then."""
    plain, own = Subject({}, PRODUCT), Subject({"OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.2"}, PRODUCT)
    assert plain.scraped_at == ("REVIEWLENS_HOST", "127.0.0.1", 8000)
    assert own.scraped_at == ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.2", 9464)
