"""One of several workers: its name in what is pushed, and the processes that it forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from telemetry import membership
from telemetry.pipeline import Pipeline
from telemetry.settings import load
from telemetry.workers import Worker

FORKING = """
import os, signal, threading, time
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from telemetry import membership

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
membership.at_fork(provider, lambda: forked.append(1))
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
from telemetry.exporters import _session

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
session = _session(None)
session.get(f"http://127.0.0.1:{server.server_port}")
pools = session.get_adapter("http://").poolmanager.pools
assert len(pools) == 1
pid = os.fork()
if pid == 0:
    os._exit(len(pools))
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child kept its parent's connection"
assert len(pools) == 1
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


def test_each_worker_has_a_name_of_its_own_also_where_they_could_not_join(tmp_path: Path) -> None:
    workers = [Worker(tmp_path), Worker(tmp_path)]
    assert [membership.name(worker, {}) for worker in workers] == ["", "1"]
    assert membership.name(None, {"SERVER_SOFTWARE": "gunicorn"}) == str(os.getpid())
    assert membership.name(None, {}) is None


def test_a_fork_waits_for_a_collection_so_that_no_child_finds_it_locked() -> None:
    run(FORKING)


def test_a_forked_process_connects_anew() -> None:
    run(CONNECTED)


def test_a_forked_process_pushes_though_its_parent_was_pushing(tmp_path: Path) -> None:
    """Under a name that says whose child it is: other workers may have children too."""
    environ = {
        "OTEL_METRICS_EXPORTER": "otlp",
        "REVIEWLENS_STATE_DIR": str(tmp_path),
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=shop",
    }
    kept, folder = Kept(), tmp_path / "group"
    others = [Worker(folder)]
    pipeline = Pipeline(load(environ), environ, exporter=lambda: kept, worker=Worker(folder))
    try:
        assert pipeline._pushing
        pipeline._pushing._export_lock.acquire()
        pipeline.forked(environ)
        pushing = threading.Thread(target=pipeline._pushing.collect, daemon=True)
        pushing.start()
        pushing.join(20)
        instances = [
            data.resource_metrics[0].resource.attributes["service.instance.id"] for data in kept.pushed
        ]
        assert instances == ["shop/1.0"]
    finally:
        pipeline.shutdown()
    assert others
