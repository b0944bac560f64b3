"""One of several workers: its name in what is pushed, and the processes that it forks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData, NumberDataPoint
from support.otlp_sink import otlp_sink

from telemetry.metrics import http_request_duration_seconds, http_requests_total
from telemetry.pipeline import Pipeline
from telemetry.settings import load
from telemetry.testing import Recorded
from telemetry.workers import folders as groupfolders
from telemetry.workers import membership
from telemetry.workers import process as processes
from telemetry.workers.worker import Worker

FORKING = """
import os, signal, threading, time
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from telemetry.sdk.provider import collection_lock
from telemetry.workers import membership

reader = InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)
meter = provider.get_meter("m")
meter.create_observable_gauge("slow", [lambda _: time.sleep(0.05) or []])
tea = meter.create_counter("tea")

def collect():
    while True:
        reader.get_metrics_data()
        time.sleep(0.005)

forked = []
membership.at_fork(collection_lock(provider), lambda: forked.append(1))
threading.Thread(target=collect, daemon=True).start()
for _ in range(5):
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        tea.add(1)
        reader.get_metrics_data()
        os._exit(len(forked))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1, "the child hung, or was not told"
reader.get_metrics_data()
assert not forked
"""

CONNECTED = """
import os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from telemetry.push.exporters import _session

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
session = _session(None, "metrics", local=True)
session.get(f"http://127.0.0.1:{server.server_port}")
pools = session.get_adapter("http://").poolmanager.pools
assert len(pools) == 1
pid = os.fork()
if pid == 0:
    os._exit(len(pools))
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child kept its parent's connection"
assert len(pools) == 1
"""


STARTING = """
import sys, time
sys.argv = ["hypercorn"]
from telemetry import pipeline
from telemetry.record import preinitialise

label_sets = preinitialise.label_sets

def slow(handles):
    time.sleep(0.5)
    label_sets(handles)

preinitialise.label_sets = slow
pipeline.start()
"""


class Kept(MetricExporter):
    """Keeps what is pushed."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed: list[MetricsData] = []

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any
    ) -> MetricExportResult:
        self.pushed.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None: ...


def run(script: str) -> None:
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(autouse=True)
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process says to those that it starts ends with the test."""
    monkeypatch.setenv(membership.MARK, "")


@contextmanager
def piped(worker: Worker | None = None, **environ: str) -> Iterator[tuple[Pipeline, Kept]]:
    """A pipeline that pushes when it is asked to, and what it has pushed."""
    kept = Kept()
    environ = {
        "OTEL_METRICS_EXPORTER": "prometheus,otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=shop",
        **environ,
    }
    pipeline = Pipeline(load(environ), environ, exporter=lambda: kept, worker=worker)
    try:
        yield pipeline, kept
    finally:
        pipeline.shutdown()


def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers" / "host-1-.1"


def instances(kept: Kept) -> list[Any]:
    return [data.resource_metrics[0].resource.attributes["service.instance.id"] for data in kept.pushed]


def requests(kept: Kept) -> list[float]:
    """The requests that each push tells."""
    return [
        sum(
            point.value
            for scope in data.resource_metrics[0].scope_metrics
            for metric in scope.metrics
            if metric.name == "http_requests_total"
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        )
        for data in kept.pushed
    ]


def request() -> None:
    http_requests_total.labels(method="GET", endpoint="/", status_code="200").inc()


def test_a_fork_waits_for_a_collection_so_that_no_child_finds_it_locked() -> None:
    run(FORKING)


def test_a_forked_process_connects_anew() -> None:
    run(CONNECTED)


def test_a_parent_that_takes_long_to_start_pushes_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine a start takes longer than the time between two pushes."""
    with otlp_sink() as sink:
        for key, value in sink.environ.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
        run(STARTING)
        assert len(sink.requests) == 0


def test_a_forked_process_pushes_nothing_until_it_counts_and_then_its_own(tmp_path: Path) -> None:
    """Though its parent was pushing, and has counted; under a name of its own, beside its parent's file."""
    others = [Worker(folder(tmp_path))]
    with piped(Worker(folder(tmp_path))) as (pipeline, kept):
        request()
        assert pipeline._pushing
        pipeline._pushing._export_lock.acquire()
        pipeline.forked()
        parent = Worker(folder(tmp_path))  # a successor: the child has let go of the number
        assert parent.number == 1
        pipeline.flush()
        assert kept.pushed == []
        request()
        request()
        pipeline.flush()
        assert instances(kept) == ["shop/2"]
        assert requests(kept) == [2]
        assert Recorded(pipeline).total("http_requests_total") == 3
    assert others


def test_children_of_a_process_that_stands_alone_are_seen_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no file. Who it starts has a number of its own, whether forked or begun anew."""
    with piped(TELEMETRY_STATE_DIR=str(tmp_path)) as (pipeline, kept):
        pipeline.wait_for_work()
        request()
        pipeline.flush()
        assert (instances(kept), requests(kept)) == (["shop"], [1])
        assert list(tmp_path.iterdir()) == []
        monkeypatch.setattr(processes, "parent", lambda _: os.getpid())
        found = membership.place({"TELEMETRY_STATE_DIR": str(tmp_path)})
        assert found[:2] == (groupfolders.of({"TELEMETRY_STATE_DIR": str(tmp_path)}, os.getpid()), 1)
        monkeypatch.undo()
        child = Worker()
        child.join(found.folder, 1)
        key = next(
            key for key in pipeline._worker.cells._cells if b'"http_requests_total", "{request}"' in key
        )
        child.cells.cell(key, 1).add(0, 5)
        assert child.number == 1
        assert Recorded(pipeline).total("http_requests_total") == 6


def test_who_waits_for_work_is_silent_and_nothing_is_lost_when_it_comes(tmp_path: Path) -> None:
    """Series at 0 are announced meanwhile, and there when it counts."""
    with piped(TELEMETRY_STATE_DIR=str(tmp_path)) as (pipeline, kept):
        pipeline.wait_for_work()
        pipeline.await_requests()
        http_requests_total.preinitialise(("GET", "/announced", "200"))
        http_request_duration_seconds.preinitialise(("GET", "/announced"))
        pipeline.flush()
        assert kept.pushed == []
        request()
        http_request_duration_seconds.labels(method="GET", endpoint="/").observe(1)
        pipeline.flush()
        assert requests(kept) == [1]
        text = Recorded(pipeline).text()
        assert 'http_requests_total{endpoint="/announced",method="GET",status_code="200"} 0.0' in text
        assert 'http_request_duration_seconds_count{endpoint="/announced",method="GET"} 0.0' in text


def test_a_job_tells_its_zeros_and_a_parent_of_workers_does_not(tmp_path: Path) -> None:
    environ = {"TELEMETRY_STATE_DIR": str(tmp_path)}
    with piped(None, **environ) as (pipeline, kept):
        pipeline.wait_for_work()
        pipeline.flush()
        assert requests(kept) == [0]
        worker = Worker(groupfolders.of(environ, os.getpid()))
        pipeline.flush()
        assert requests(kept) == [0]
        assert worker.number == 0


@pytest.mark.parametrize("serves", [True, False])
def test_a_folder_that_cannot_be_used_is_told_and_the_worker_goes_on_alone(
    serves: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(processes, "parent", lambda _: os.getppid())
    with piped(TELEMETRY_STATE_DIR=str(tmp_path / "file")) as (pipeline, kept):
        pipeline.wait_for_work()
        if serves:
            pipeline.take_part()
        request()
        pipeline.flush()
        assert requests(kept) == [1]
        assert instances(kept) == [f"shop/{os.getpid()}"]
        told = Recorded(pipeline).value("errors_total", component="telemetry", error_type="record")
        assert told == 1
    assert caplog.text.count("telemetry of several workers cannot be put together") == 1
    assert str(tmp_path) in caplog.text
