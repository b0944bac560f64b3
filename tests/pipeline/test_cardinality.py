"""100,000 strangers: series stay under each metric's bound, totals are exact, an alert fires."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from support import wire
from support.live import serving
from support.otlp_sink import otlp_sink
from support.servers import ROOT, PrometheusServer, prometheus, wait_for

from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.catalog import CATALOG
from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    errors_total,
    evidence_count,
    llm_calls_total,
    user_journey_stage_total,
)
from telemetry.record.schema import Metric
from telemetry.testing import Recorded, recording

OVER_THE_WIRE = 6_000
IN_PROCESS = 94_000
ALL = OVER_THE_WIRE + IN_PROCESS
LIVE = 6_000
KNOWN = "robot_cleaner"
OVER = {
    "dialogue_turns_total",
    "evidence_count",
    "errors_total",
    "user_journey_stage_total",
    "active_evidence_gauge",
}
CONFIG = """
global: {{scrape_interval: 2s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - {{job_name: reviewlens-backend, honor_labels: true, static_configs: [{{targets: ["{target}"]}}]}}
"""


def rules() -> str:
    """The alerts as they are, but that nothing is waited for."""
    text = (ROOT / "monitoring/alerts/telemetry_alerts.yml").read_text(encoding="utf-8")
    return text.replace("for: 5m", "for: 0s")


async def through_asgi(app: FastAPI, requests: Iterator[wire.Strange]) -> Counter[int]:
    """The answers of the application to requests that no socket carried, counted by status."""
    answers: Counter[int] = Counter()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answers[message["status"]] += 1

    for one in requests:
        path, _, query = one.target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "method": one.method,
            "path": path.replace("%00", "\0"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", one.host.encode()), (b"user-agent", one.user_agent.encode())],
        }
        await app(scope, receive, send)
    return answers


def strange_values(first: int, last: int, live: deque[int]) -> None:
    """What careless code would record: an id of a stranger in every open label, and known values between."""
    for number in range(first, last):
        one = f"{number:x}"
        dialogue_turns_total.labels(category=one).inc()
        evidence_count.labels(category=one).observe(1)
        errors_total.labels(error_type=one, component=f"theirs-{number % 7}").inc()
        user_journey_stage_total.labels(stage="dialogue_start", action="enter", category=one).inc()
        llm_calls_total.labels(provider=one, status="success").inc()
        dialogue_turns_total.labels(category=KNOWN).inc()
        errors_total.labels(error_type="timeout", component="llm").inc()
        active_evidence_gauge.labels(category=KNOWN, session_id=one).set(number)
        live.append(number)
        if len(live) > LIVE:
            active_evidence_gauge.labels(category=KNOWN, session_id=f"{live.popleft():x}").remove()


def by_status(series: dict[frozenset[tuple[str, str]], float]) -> Counter[int]:
    """Requests by status, over all other labels."""
    found: Counter[int] = Counter()
    for labels, value in series.items():
        found[int(dict(labels)["status_code"])] += int(value)
    return +found


def label_sets(metric: Metric, server: PrometheusServer) -> float:
    """How many a Prometheus has of a metric."""
    name = metric.name + ("_count" if metric.kind == "histogram" else "")
    return server.value(f"count({name})") or 0


def firing(server: PrometheusServer) -> set[str]:
    """The metrics for which the alert fires."""
    return {
        row.labels["metric"] for row in server.query('ALERTS{alertname="TooManySeries",alertstate="firing"}')
    }


def resident() -> int:
    """Bytes of memory that this process has now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL"):
        monkeypatch.delenv(key, raising=False)


@pytest.mark.usefixtures("no_provider")
def test_six_thousand_strange_requests_over_the_wire_and_the_rest_of_100_000_in_process(
    state_dir: Path,
) -> None:
    """On /metrics, over OTLP and in a real Prometheus: label sets under the bound of each metric, totals
    exact, known ones by their names, memory flat in the second half, TooManySeries for what is over."""
    environ = {"OTEL_METRICS_EXPORTER": "prometheus,otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    with otlp_sink() as sink:
        environ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] = sink.url + "/v1/metrics"
        with recording(environ, exporter=None, strict=False) as recorded:
            app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), recorded.pipeline)
            with (
                serving(app) as url,
                prometheus(
                    CONFIG.format(target=url.removeprefix("http://")), rules={"rules.yml": rules()}
                ) as server,
            ):
                wait_for("a first scrape", lambda: server.query("telemetry_overflow_total"))
                answers, live = overrun(app, url, recorded)
                check(recorded, answers, live)
                recorded.pipeline.flush()
                for metric in CATALOG:
                    name = metric.name
                    scraped = recorded.series(name + "_count" * (metric.kind == "histogram"))
                    assert len(sink.series(name)) <= metric.cardinality_limit, name
                    if not name.startswith("http"):
                        assert sink.series(name) == scraped, name
                total = "sum(http_requests_total{endpoint!='/metrics'})"
                wait_for("all requests to be scraped", lambda: server.value(total) == ALL + 1, 30)
                assert [m.name for m in CATALOG if label_sets(m, server) > m.cardinality_limit] == []
                assert server.value("sum(dialogue_turns_total)") == 2 * ALL
                wait_for("the alert", lambda: firing(server) == OVER, 30)


def overrun(app: FastAPI, url: str, recorded: Recorded) -> tuple[Counter[int], deque[int]]:
    """Everything that is sent and recorded: the answers by status, and the sessions that live."""
    live: deque[int] = deque()
    port = url.rsplit(":", 1)[1]
    command = [sys.executable, wire.__file__, port, "1", str(OVER_THE_WIRE)]
    sent = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    answers = Counter({int(status): number for status, number in json.loads(sent.stdout).items()})
    assert answers.total() == OVER_THE_WIRE
    requests = wire.strange(2)
    half = ALL // 2 - OVER_THE_WIRE
    answers += asyncio.run(through_asgi(app, islice(requests, half)))
    strange_values(0, ALL // 2, live)
    httpx.get(url + "/api/products").raise_for_status()
    answers[200] += 1
    recorded.text()
    before = resident()
    answers += asyncio.run(through_asgi(app, islice(requests, ALL // 2)))
    strange_values(ALL // 2, ALL, live)
    recorded.text()
    assert resident() - before < 20_000_000  # a kept label set of each of 50,000 strangers would be 60 MB
    return answers, live


def check(recorded: Recorded, answers: Counter[int], live: deque[int]) -> None:
    """What /metrics says."""
    text = recorded.text()
    assert "otel_metric_overflow" not in text
    for metric in CATALOG:
        series = recorded.series(metric.name + "_count" * (metric.kind == "histogram"))
        assert len(series) <= metric.cardinality_limit, metric.name
        assert all({key for key, _ in labels} == set(metric.label_names) for labels in series)
    requests = recorded.series("http_requests_total")
    requests = {labels: value for labels, value in requests.items() if ("endpoint", "/metrics") not in labels}
    assert by_status(requests) == answers
    assert recorded.total("http_request_duration_seconds_count") >= ALL
    assert recorded.value("http_requests_total", method="GET", endpoint="/api/products", status_code=200) == 1
    assert recorded.total("dialogue_turns_total") == 2 * ALL
    assert recorded.value("dialogue_turns_total", category=KNOWN) == ALL
    assert recorded.value("errors_total", error_type="timeout", component="llm") == ALL
    assert recorded.total("evidence_count_count") == recorded.total("user_journey_stage_total") == ALL
    assert recorded.value("llm_calls_total", provider="(other)", status="success") == ALL
    assert recorded.total("active_evidence_gauge") == sum(live)
    own = len(recorded.series("dialogue_turns_total"))
    turns = recorded.value("telemetry_overflow_total", metric="dialogue_turns_total")
    assert recorded.value("dialogue_turns_total", category="(other)") == turns
    assert turns > ALL - own
    told = recorded.series("telemetry_overflow_total").items()
    assert {dict(labels)["metric"] for labels, value in told if value} == OVER
