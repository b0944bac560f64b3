"""A ten-line application that knows nothing of us, under `opentelemetry-instrument`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.live import serving
from support.otlp_sink import otlp_sink
from support.servers import Server, free_port, run, wait_for

from telemetry import instrument
from telemetry.testing import recording

DATA = Path(__file__).parents[1] / "data"
BIN = Path(sys.executable).parent
CLEAN = {key: "" for key in os.environ if key.startswith("OTEL_")}
NOT_EXPOSED = (
    "metrics are not exposed here: OTEL_METRICS_EXPORTER has no 'prometheus' in it, "
    "or OTEL_SDK_DISABLED is true\n"
)


def command(port: int, app: str = "ten_lines:app") -> list[str | Path]:
    return [
        BIN / "opentelemetry-instrument",
        "uvicorn",
        app,
        "--host=127.0.0.1",
        f"--port={port}",
    ]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**CLEAN, "PATH": path, "PYTHONUNBUFFERED": "1", **env}


@contextmanager
def instrumented(env: Mapping[str, str] | None = None, app: str = "ten_lines:app") -> Iterator[Server]:
    """The application in a process of its own, started by opentelemetry-instrument."""
    port = free_port()
    with run(
        command(port, app), f"http://127.0.0.1:{port}", "/docs", env=environment(env or {}), cwd=DATA
    ) as server:
        yield server


def ask(url: str) -> list[int]:
    """Some requests, good, missing, wrong and failing."""
    paths = ["/shop/items/5", "/shop/items/7", "/shop/items/0", "/shop/items/x", "/shop/items/1", "/nowhere"]
    return [httpx.get(url + path).status_code for path in paths]


ANSWERS = [200, 200, 404, 422, 500, 404]


def requests_total(text: str) -> dict[tuple[str, str, str], float]:
    """(endpoint, method, status code) -> count, without the waiting for the server to be there."""
    samples = [s for f in text_string_to_metric_families(text) for s in f.samples]
    rows = {
        tuple(v for _, v in sorted(s.labels.items())): s.value
        for s in samples
        if s.name == "http_requests_total"
    }
    return {key: value for key, value in rows.items() if key[0] != "/docs"}  # type: ignore[misc]


def names(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}


def test_an_application_without_a_line_of_ours_has_the_same_series() -> None:
    """Endpoints by template, errors, zeros: equal to what telemetry.instrument(app) gives."""
    with instrumented() as server:
        assert ask(server.url) == ANSWERS
        scraped = httpx.get(server.url + "/metrics")
        lines = [
            line
            for line in server.log.read_text().splitlines()
            if "telemetry.access: " in line and "/docs" not in line
        ]
    assert len(lines) == len(ANSWERS)
    assert "GET /shop/items/{item_id} - 200 - " in lines[0]
    assert (scraped.status_code, scraped.headers["content-type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    template = "/shop/items/{item_id}"
    assert {key: value for key, value in requests_total(scraped.text).items() if value} == {
        (template, "GET", "200"): 2,
        (template, "GET", "404"): 1,
        (template, "GET", "422"): 1,
        (template, "GET", "500"): 1,
        ("(unmatched)", "GET", "404"): 1,
    }
    assert 'errors_total{component="api",error_type="unhandled"} 1.0' in scraped.text
    with recording() as recorded:
        app = fresh_application()
        instrument(app, recorded.pipeline)
        with serving(app) as url:
            assert ask(url) == ANSWERS
            httpx.get(url + "/docs")
        by_hand = recorded.text()
    assert requests_total(by_hand) == requests_total(scraped.text)
    assert names(by_hand) == names(scraped.text)


def fresh_application():  # type: ignore[no-untyped-def]
    """tests/data/ten_lines.py, anew."""
    namespace: dict[str, object] = {}
    exec((DATA / "ten_lines.py").read_text(encoding="utf-8"), namespace)  # noqa: S102 - our own file
    return namespace["app"]


@pytest.mark.parametrize("env", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_METRICS_EXPORTER": "none"}])
def test_switched_off_the_application_answers_as_ever(env: dict[str, str]) -> None:
    """The same answers; /metrics says why there is nothing."""
    with instrumented(env) as server:
        assert ask(server.url) == ANSWERS
        refused = httpx.get(server.url + "/metrics")
        log = server.log.read_text()
    assert (refused.status_code, refused.text) == (404, NOT_EXPOSED)
    assert "Failed to auto initialize" not in log


@pytest.mark.parametrize(
    ("env", "says"),
    [
        (
            {"OTEL_METRICS_EXPORTER": "otpl"},
            "telemetry: OTEL_METRICS_EXPORTER='otpl': expected prometheus, otlp, prometheus,otlp or none "
            "(default 'prometheus')",
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "team"},
            "telemetry: OTEL_RESOURCE_ATTRIBUTES=***: expected key=value pairs, separated by commas",
        ),
    ],
)
def test_a_wrong_setting_stops_the_process_with_one_line(env: dict[str, str], says: str) -> None:
    """Nobody finds out weeks later that there were no metrics; no traceback hides the line."""
    ended = subprocess.run(
        command(free_port()),
        cwd=DATA,
        env={**os.environ, **environment(env)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == says


def test_instruments_of_other_people_come_out_too(tmp_path: Path) -> None:
    """Anything on the global meter provider, with its own meter and labels."""
    with instrumented(app="others:app") as server:
        text = httpx.get(server.url + "/metrics").text
    assert 'jobs_total{queue="mail"} 3.0' in text
    assert "queue_length 7.0" in text


def test_pushed_numbers_are_the_scraped_ones_and_none_is_lost_at_the_end() -> None:
    """Metrics by OTLP from the same process; SIGTERM between two exports loses none."""
    with otlp_sink() as sink:
        env = {
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
            "OTEL_SERVICE_NAME": "ten-lines",
        }
        with instrumented(env) as server:
            assert ask(server.url) == ANSWERS
            scraped = requests_total(httpx.get(server.url + "/metrics").text)
            assert sink.requests == []
        wait_for("the last export", lambda: sink.requests)
        pushed = {
            tuple(value for _, value in sorted(key)): value
            for key, value in sink.series("http_requests_total").items()
        }
        assert {key: value for key, value in pushed.items() if key[0] != "/docs"} == scraped
        assert sink.resource()["service.name"] == "ten-lines"


def test_traces_are_on_when_asked_for() -> None:
    """One server span per request, its trace id in the access line, and no second set of metrics."""
    with instrumented({"OTEL_TRACES_EXPORTER": "console"}, app="others:app") as server:
        assert httpx.get(server.url + "/items/5").status_code == 200
        text = httpx.get(server.url + "/metrics").text
        log = server.log
        process = server.process
        process.terminate()
        process.wait(20)
        lines = log.read_text()
    assert lines.count('"name": "GET /items/{item_id}"') == 1
    assert "SpanKind.SERVER" in lines
    (access,) = [line for line in lines.splitlines() if line.startswith("GET /items/{item_id} - 200 - ")]
    trace_id = access.partition(" trace_id=")[2]
    assert len(trace_id) == 32
    assert f'"trace_id": "0x{trace_id}"' in lines
    assert not {name for name in names(text) if name.startswith("http_server")}


@pytest.mark.parametrize("app", ["hooked:app", "hooked:later"])
def test_whoever_sets_up_the_official_instrumentation_has_it_their_way(app: str) -> None:
    """Though ours comes first here: hooks run, excluded URLs have no span, and each request counts once."""
    with instrumented({"OTEL_TRACES_EXPORTER": "console"}, app=app) as server:
        assert httpx.get(server.url + "/items/5").status_code == 200
        text = httpx.get(server.url + "/metrics").text
        server.process.terminate()
        server.process.wait(20)
        log = server.log.read_text()
    assert log.count('"hooked.by": "its user"') == 1
    assert '"name": "GET /docs"' not in log
    assert "already instrumented" not in log
    assert requests_total(text)["/items/{item_id}", "GET", "200"] == 1
