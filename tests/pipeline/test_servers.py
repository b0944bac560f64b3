"""Every server that people run, with a line of code and without: any scrape is exact, and so is the sum of
what is pushed, from as many instances as serve."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.otlp_sink import otlp_sink
from support.servers import HTTP, Server, free_port, run, wait_for
from support.servers_table import SERVERS, ServerCommand

DATA = Path(__file__).parents[1] / "data"
BIN = Path(sys.executable).parent
REQUESTS = 60


@contextmanager
def serving(row: ServerCommand, state: Path, in_code: bool, **environment: str) -> Iterator[Server]:
    """The application on this server, from the moment that every process of it serves."""
    port = free_port()
    words = row.command.format(port=port).split()
    command = [BIN / words[0], *words[1:]]
    given = {"TELEMETRY_STATE_DIR": str(state), "REVIEWLENS_PORT": "tcp://10.0.0.1:8000", "HOME": ""}
    env = {**given, "PYTHONPATH": str(DATA), **environment}
    if in_code:
        env["IN_CODE"] = "1"
    else:
        command.insert(0, BIN / "opentelemetry-instrument")
    with run(command, f"http://127.0.0.1:{port}", "/openapi.json", env=env, cwd=DATA, seconds=60) as server:
        if row.processes > 1:
            wait_for("every worker", lambda: len(list(state.glob("workers/*/*.cells"))) >= row.processes, 60)
        yield server


def samples(server: Server) -> Mapping[str, float]:
    """Totals by name of what was asked of the application; a fresh connection, so that any may answer."""
    text = HTTP.get(f"{server.url}/metrics", headers={"connection": "close"}, timeout=30).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "cups_total" or sample.labels.get("endpoint") == "/tea/{kind}":
                found[sample.name] = found.get(sample.name, 0) + sample.value
    return {name: found.get(name, 0) for name in EXPECTED}


EXPECTED = dict.fromkeys(
    ("http_requests_total", "http_request_duration_seconds_count", "cups_total"), REQUESTS
)


def drive(server: Server) -> None:
    def ask(_: int) -> int:
        return HTTP.get(f"{server.url}/tea/green", headers={"connection": "close"}, timeout=30).status_code

    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(ask, range(REQUESTS))) == {200}


def pushed(sink: Any, metric: str = "http_requests_total") -> dict[str, list[float]]:
    """By instance: the total that each push told, in the order of arrival."""
    found: dict[str, list[float]] = {}
    for request in list(sink.requests):
        for resource in request.resource_metrics:
            who = {a.key: a.value.string_value for a in resource.resource.attributes}["service.instance.id"]
            told = [m for scope in resource.scope_metrics for m in scope.metrics if m.name == metric]
            points = [point for one in told for point in one.sum.data_points]
            found.setdefault(who, []).append(
                sum(
                    point.as_double or point.as_int
                    for point in points
                    if metric == "cups_total" or "/tea/{kind}" in str(point.attributes)
                )
            )
    return found


@pytest.mark.parametrize("in_code", [True, False], ids=["in code", "without code"])
@pytest.mark.parametrize("name", SERVERS)
def test_every_scrape_and_the_sum_of_what_is_pushed_are_exact(
    name: str, in_code: bool, state_dir: Path
) -> None:
    """Also with blanks and Hangul in the path, without a home, and with a port that Kubernetes injects.

    No instance but those that serve pushes anything, not a parent either, from the first push on; each is
    named by the port, so that a restart goes on under the same names."""
    row, state = SERVERS[name], state_dir / "상태 folder"
    with otlp_sink() as sink:
        pushing = {
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
        }
        with serving(row, state, in_code, **pushing) as server:
            drive(server)
            assert [samples(server) for _ in range(3 * row.processes)] == [EXPECTED] * (3 * row.processes)
            for metric in ("http_requests_total", "cups_total"):
                wait_for(
                    metric, lambda m=metric: sum(v[-1] for v in pushed(sink, m).values()) == REQUESTS, 30
                )
        plain = f"{socket.gethostname()}:{server.port}"
        expected = [plain, f"{plain}/1"][: row.processes]
        assert sorted(pushed(sink)) == expected, pushed(sink)
        for values in pushed(sink).values():
            assert values == sorted(values)
