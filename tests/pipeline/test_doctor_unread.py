"""What the doctor says of addresses at which nothing usable answers: what happened, what was expected, and
which mend helps; no name of a class."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from support.http_server import QuietHandler, http_server
from support.servers import free_port

from telemetry.doctor.backend import Backend
from telemetry.doctor.backend_checks import backend
from telemetry.doctor.estimate import size
from telemetry.doctor.finding import Finding
from telemetry.doctor.pushes import pushes
from telemetry.doctor.subject import Subject
from telemetry.doctor.targets import targets

CLASS = re.compile(r"\b[A-Z][a-z]+[A-Z]\w+\b|Errno|0x[0-9a-f]")
JSON, HTML = "application/json", "text/html; charset=utf-8"


@contextmanager
def answering(status: int, kind: str, body: str = "", tls: bool = False) -> Iterator[str]:
    """The address of a server that answers every GET so."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.answer(status, body.encode(), Content_Type=kind)

        def do_POST(self) -> None:
            self.body()
            self.do_GET()

    certificate = trustme.CA().issue_cert("localhost") if tls else None
    with http_server(Handler, certificate, "localhost") as url:
        yield url


@contextmanager
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def of_prometheus(url: str) -> Finding:
    finding = next(one for one in backend(Subject({}, prometheus_url=url, timeout=0.5)) if one.mend)
    assert finding.id == "prometheus"
    assert finding.found.endswith("; expected a running Prometheus")
    assert not CLASS.search(finding.found.replace("Prometheus", ""))
    return finding


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (200, HTML, "<html>hello</html>", "200 with text/html, which is no answer of a Prometheus"),
        (404, JSON, '{"detail": "Not Found"}', "404 with application/json, which is no answer"),
        (200, JSON, "[1]", "200 with application/json, which is no answer"),
        (200, JSON, '{"status": "success"}', "200 with application/json, which is no answer"),
        (200, JSON, '{"status": "success", "data": {"activeTargets": [{}]}}', "which is no answer"),
        (401, HTML, "", "401 with text/html"),
        (503, JSON, '{"status": "error", "error": "it is starting"}', "it is starting"),
    ],
)
def test_what_is_no_prometheus(status: int, kind: str, body: str, words: str) -> None:
    with answering(status, kind, body) as url:
        finding = of_prometheus(url)
    assert finding.found.startswith(f"{url}/api/v1/")
    assert words in finding.found


def test_a_prometheus_that_is_not_reached() -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    assert ": connection refused; expected" in of_prometheus(closed).found
    assert ": the host's name has no address;" in of_prometheus("http://nowhere.invalid:9090").found
    assert ": it is no address with http:// or https://;" in of_prometheus("localhost:9090").found
    with silent() as url:
        assert ": no answer in time;" in of_prometheus(url).found
    with answering(200, JSON, tls=True) as url:
        assert ": no TLS connection: unable to get local issuer certificate;" in of_prometheus(url).found
        plain = of_prometheus(url.replace("https", "http"))
        assert ": the connection ended without an answer;" in plain.found
    with answering(200, JSON) as url:
        words = of_prometheus(url.replace("http", "https")).found
        assert ": no TLS connection: " in words


def of_metrics(url: str, **environ: str) -> Finding:
    finding, estimate = size(Subject(environ, metrics_url=url, timeout=0.5))
    assert "from the catalogue" in estimate.found
    assert finding.id == "metrics.unread"
    assert not CLASS.search(finding.found)
    return finding


@pytest.mark.parametrize("status", [401, 403])
def test_metrics_behind_a_token_name_its_setting(status: int, tmp_path: Path) -> None:
    """Whether it is not given, or another."""
    token = tmp_path / "token"
    token.write_text("another")
    token.chmod(0o600)
    with answering(status, "text/plain") as url:
        without = of_metrics(f"{url}/metrics")
        other = of_metrics(f"{url}/metrics", TELEMETRY_METRICS_TOKEN_FILE=str(token))
    assert without.found == f"{url}/metrics: the answer is {status}: it asks for a token"
    assert other.found.endswith(f"{status}: the token in TELEMETRY_METRICS_TOKEN_FILE is not the service's")
    for finding in (without, other):
        assert finding.mend[0].startswith("TELEMETRY_METRICS_TOKEN_FILE=")


def test_what_are_no_metrics() -> None:
    """Not an estimate of nothing."""
    with answering(200, HTML, "<html></html>") as url:
        page = of_metrics(f"{url}/internal/metrics", TELEMETRY_METRICS_PATH="/internal/metrics")
    assert page.found == f"{url}/internal/metrics: the answer is 200 with text/html, no metrics"
    assert "--metrics-url" in page.mend[0]
    closed = of_metrics(f"http://127.0.0.1:{free_port()}/metrics")
    assert closed.found.endswith("/metrics: connection refused")
    assert closed.mend == ("start the service, or leave --metrics-url out",)


def test_a_mend_shows_the_path_or_says_what_the_dots_are() -> None:
    """Usual paths are shown; another may hold a token."""
    for path, shown in (
        ("/opentelemetry", "/opentelemetry/v1/metrics"),
        ("/hooks/t0ken", "/.../v1/metrics (... stands for what is set there now)"),
    ):
        key = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
        subject = Subject(
            {"OTEL_METRICS_EXPORTER": "otlp", key: f"http://localhost:1{path}"}, timeout=0.5, offline=True
        )
        (mend,) = [line for one in pushes(subject) for line in one.mend]
        assert mend == f"{key}=http://localhost:1{shown}"


def test_the_path_of_the_metrics_is_shown() -> None:
    """It is a setting that is no secret: of a target, and in what mends it."""
    target = {
        "labels": {"job": "reviewlens-api", "instance": "a"},
        "scrapeUrl": "http://localhost:1/shop/numbers",
        "scrapeInterval": "10s",
        "health": "down",
        "lastError": "server returned HTTP status 404 Not Found",
    }
    data = {"activeTargets": [target], "result": [], "resultType": "vector"}
    with answering(200, JSON, json.dumps({"status": "success", "data": data})) as url:
        subject = Subject({"TELEMETRY_METRICS_PATH": "/shop/numbers"}, prometheus_url=url, timeout=0.5)
        fault = next(targets(subject, Backend(url, 0.5, subject.metrics_path)))
    assert fault.found.startswith("http://localhost:1/shop/numbers: ")
    assert fault.mend == (
        "OTEL_METRICS_EXPORTER=prometheus for the service, and metrics_path: /shop/numbers for its job",
    )
