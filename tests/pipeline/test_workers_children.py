"""Children of one worker that are started in different ways take numbers of their group in turn: what they
push adds up to what was counted, under the same names."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from support.otlp_sink import otlp_sink
from support.servers import ROOT, free_port, run

SERVERS = {
    "gunicorn": "gunicorn lending:app -k uvicorn.workers.UvicornWorker -w 1 -b 127.0.0.1:{port}",
    "granian": "granian lending:app --interface asgi --port {port} --workers 1",
    "uvicorn": "uvicorn lending:app --port {port}",
}


@pytest.mark.parametrize("server", SERVERS)
def test_what_children_push_adds_up(server: str, tmp_path: Path) -> None:
    port, url = free_port(), "http://127.0.0.1:{}"
    command = [sys.executable, "-m", *SERVERS[server].format(port=port).split()]
    with otlp_sink() as sink:
        environ = {
            **sink.environ,
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "60000",
            "TELEMETRY_STATE_DIR": str(tmp_path / "state"),
            "PYTHONPATH": f"{ROOT / 'tests' / 'data'}:{ROOT}",
        }
        with run(command, url.format(port), "/metrics", env=environ, cwd=tmp_path) as running:
            for path in ("/pour", "/pour/fork", "/pour/spawn", "/pour/forkserver"):
                httpx.get(running.url + path, timeout=60).raise_for_status()
            assert "\ncups_total 123.0\n" in running.get("/metrics").text
        last: dict[str, float] = {}
        for number in range(len(sink.requests)):
            if series := sink.series("cups_total", number):
                last[sink.resource(number)["service.instance.id"]] = sum(series.values())
    assert sum(last.values()) == 123, last
