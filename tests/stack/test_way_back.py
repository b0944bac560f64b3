"""From a scrape to a push and back: the same Prometheus goes on, nothing is lost, nothing counted twice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from support.panels import everything
from support.paths import CONFIGS, NO_KEYS, RECEIVER, SECONDS, pushing, shortened
from support.servers import PrometheusServer, collector, free_port, prometheus, run_app, wait_for

from monitoring.queries import selectors

pytestmark = pytest.mark.built

ASKED = 'http_requests_total{endpoint="/api/products",status_code="200"}'
REQUESTS = (7, 11, 5)
"""Before, while it was pushed, and after."""


@dataclass
class Switched:
    """A Prometheus that has seen it all, and when the first and the last phase had been counted."""

    server: PrometheusServer
    version: str
    start: float
    end: float


@contextmanager
def _collector(version: str, _: str) -> Iterator[tuple[str, str]]:
    with collector(CONFIGS / "config.yaml") as gate:
        moved = {"localhost:8889": gate.exporter, "localhost:8888": gate.telemetry}
        yield shortened("prometheus.otlp.yml", version, moved), gate.http


@contextmanager
def _receiver(version: str, url: str) -> Iterator[tuple[str, str]]:
    yield shortened(RECEIVER, version, {}), f"{url}/api/v1/otlp"


TARGETS = {"collector": _collector, "Prometheus": _receiver}
"""What is pushed to: the configuration of Prometheus that goes with it, and its address."""


@pytest.fixture(scope="module", params=["collector, 2.42", "collector, 3.5", "Prometheus, 3.12"])
def switched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample_store: Path
) -> Iterator[Switched]:
    """Three starts of the service on one port and one store; only the environment differs."""
    target, version = request.param.split(", ")
    folder = tmp_path_factory.mktemp("switch")
    (folder / sample_store.name).write_bytes(sample_store.read_bytes())
    port, config = free_port(), folder / "prometheus.yml"
    scrape = shortened("prometheus.yml", version, {"localhost:8000": f":{port}"})
    config.write_text(scrape)
    flags = ["--web.enable-otlp-receiver"] if version == "3.12" else []
    with prometheus(config, version=version, flags=flags) as server:
        service = _Service(server, port, {"REVIEWLENS_STATE_DIR": str(folder)})
        service.phase({}, REQUESTS[0])
        start = time.time()
        _gone(server)
        with TARGETS[target](version, server.url) as (pushed, url):
            config.write_text(pushed)
            server.reload()
            service.phase(pushing(url), REQUESTS[1])
        if target == "collector":
            _gone(server)
        config.write_text(scrape)
        server.reload()
        service.phase({}, REQUESTS[2])
        yield Switched(server, version, start, time.time())


@dataclass(frozen=True)
class _Service:
    server: PrometheusServer
    port: int
    environment: Mapping[str, str]

    def phase(self, environment: Mapping[str, str], number: int) -> None:
        """Start the service, ask it so often, see it counted, and stop it."""
        fresh = f"sum({ASKED} and timestamp({ASKED}) > {time.time()})"
        own = {**NO_KEYS, "REVIEWLENS_PORT": str(self.port), **self.environment, **environment}
        with run_app(port=self.port, env=own) as app:
            wait_for("the counter at 0", lambda: self.server.value(fresh) == 0)
            for _ in range(number):
                httpx.get(f"{app.url}/api/products").raise_for_status()
            wait_for(f"{number} requests", lambda: self.server.value(fresh) == number)
            time.sleep(2 * SECONDS)


def _gone(server: PrometheusServer) -> None:
    """Prometheus has seen that what it scraped is down. It does not end the series of a job that a
    configuration no longer has: they would be answered for five minutes more."""
    wait_for("the series to end", lambda: not server.query(ASKED))


def test_every_request_is_counted_once(switched: Switched) -> None:
    """By the samples as they are stored: no series falls but by a restart, and together they hold all."""
    rows = switched.server.api("query", query=f"{ASKED}[10m]", time=switched.end)["result"]
    values = [[float(value) for _, value in row["values"]] for row in rows]
    assert [each[0] for each in values] == [0.0] * len(values)
    grown = [_grown(each) for each in values]
    assert sorted(grown) == sorted([REQUESTS[0] + REQUESTS[2], REQUESTS[1]])


def test_a_series_falls_to_0_alone(switched: Switched) -> None:
    """A counter of any metric: each reading is that of before or more, or that of a new process."""
    for row in switched.server.api("query", query='{__name__=~".+_total|.+_count|.+_bucket"}[10m]')["result"]:
        if row["metric"]["__name__"].startswith(("http_", "llm_", "dialogue_", "user_", "retrieval_")):
            values = [float(value) for _, value in row["values"]]
            falls = [after for before, after in pairwise(values) if after < before]
            assert len(falls) <= 1, row["metric"]


def test_dashboards_go_on(switched: Switched) -> None:
    """Every line of before the switch has a point at each moment until after the way back."""
    server, span = switched.server, (switched.start, switched.end, 1)
    (every,) = server.range("vector(1)", *span)
    over = [
        asked
        for asked in everything()
        if all(s.metric.startswith("http_") and s.window for s in selectors(asked.expr))
        and "topk" not in asked.expr  # it picks others at each moment
    ]
    assert len(over) > 20
    for asked in over:
        before = [sample.labels for sample in server.query(asked.expr, at=switched.start)]
        for row in server.range(asked.expr, *span):
            if row["metric"] in before:
                assert len(row["values"]) == len(every["values"]), (str(asked), row["metric"])


def test_who_it_is_from_is_there_once(switched: Switched) -> None:
    """One job and instance at each moment; what was pushed to Prometheus itself is answered for five minutes
    more."""
    twice = f"count(count by (job, instance) ({ASKED})) > 1"
    rows = switched.server.range(twice, switched.start, switched.end, 0.5)
    assert bool(rows) == (switched.version == "3.12")


def _grown(values: list[float]) -> float:
    """What a counter has counted, from 0 again at each fall."""
    return sum(b - a if b >= a else b for a, b in pairwise(values))
