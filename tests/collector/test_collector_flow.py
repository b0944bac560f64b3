"""Numbers through a real collector: kept apart, kept through outages and restarts, told when lost."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.collected import FOLDER, own, page, pushing, turn
from support.otlp_sink import otlp_sink
from support.servers import HTTP, collector, free_port, prometheus, wait_for

from monitoring.targets import HERE
from telemetry.metrics import evidence_count

pytestmark = pytest.mark.built

TURNS = frozenset({("category", "chair")})
GRAFANA = {"GRAFANA_CLOUD_INSTANCE_ID": "123456", "GRAFANA_CLOUD_API_KEY": "not-a-key"}


def test_two_pushers_are_two_instances_without_other_labels() -> None:
    """Nothing is merged, nothing added: job, instance, and what the catalogue says."""
    with collector(FOLDER / "config.yaml") as gate:
        for instance, turns in (("host:8000", 1), ("host:8001", 2)):
            with pushing(gate, instance) as recorded:
                evidence_count.labels(category="chair").observe(2)
                for _ in range(turns):
                    turn(recorded)
        shown = page(gate.exporter)
    job = ("job", "reviewlens-api")
    assert shown["dialogue_turns_total"] == {
        TURNS | {job, ("instance", "host:8000")}: 1,
        TURNS | {job, ("instance", "host:8001")}: 2,
    }
    labels = {name for sets in shown["evidence_count_bucket"] for name, _ in sets}
    assert labels == {"category", "job", "instance", "le"}


def test_nothing_is_lost_while_prometheus_is_away_and_the_collector_is_killed(tmp_path: Path) -> None:
    """Every push of the outage is there afterwards, in order, each at its own time."""
    port = free_port()
    config = FOLDER / "config.prometheus-otlp.yaml"
    env = {"REVIEWLENS_PROMETHEUS_OTLP_URL": f"http://127.0.0.1:{port}/api/v1/otlp"}
    with collector(config, env=env, queue=tmp_path) as gate, pushing(gate) as recorded:
        for _ in range(3):
            turn(recorded)
        assert own(gate, "exporter_queue_size") > 0
        gate.process.kill()
        gate.process.wait()
    receiver = HERE / "prometheus.otlp-receiver.yml"
    flags = ["--web.enable-otlp-receiver"]
    with (
        prometheus(receiver, version="3.12", flags=flags, port=port) as prom,
        collector(config, env=env, queue=tmp_path),
    ):
        wait_for("the last push", lambda: prom.value("dialogue_turns_total") == 3)
        (series,) = prom.api("query", query="dialogue_turns_total[5m]")["result"]
        assert [value for _, value in series["values"]] == ["1", "2", "3"]
        assert series["metric"] == {
            "__name__": "dialogue_turns_total",
            "category": "chair",
            "job": "reviewlens-api",
            "instance": "host:8000",
        }
        assert prom.query("target_info") == []


def test_grafana_cloud_gets_metrics_and_traces_with_the_password_once_it_is_back() -> None:
    """Basic authentication on both; an outage is waited out; the password is in no log."""
    with otlp_sink() as sink:
        sink.status = 503
        env = {**GRAFANA, "GRAFANA_CLOUD_OTLP_ENDPOINT": sink.url}
        with collector(FOLDER / "config.grafana-cloud.yaml", env=env) as gate, pushing(gate) as recorded:
            turn(recorded)
            wait_for("the first attempt", sink.entered.is_set)
            sink.status = 200
            wait_for("the retry", lambda: sink.requests)
            assert sink.series("dialogue_turns_total") == {TURNS: 1}
            assert sink.resource() == {"service.name": "reviewlens-api", "service.instance.id": "host:8000"}
            expected = b64encode(b"123456:not-a-key").decode()
            assert sink.headers["authorization"] == f"Basic {expected}"
            spans = ExportTraceServiceRequest()
            spans.resource_spans.add().scope_spans.add().spans.add(name="GET /healthz")
            HTTP.post(
                f"{gate.http}/v1/traces",
                content=spans.SerializeToString(),
                headers={"Content-Type": "application/x-protobuf"},
            ).raise_for_status()
            wait_for("the span", lambda: sink.traces)
            (span,) = sink.traces[0].resource_spans[0].scope_spans[0].spans
            assert span.name == "GET /healthz"
            assert sink.headers["authorization"] == f"Basic {expected}"
            assert "not-a-key" not in gate.log.read_text()


def test_what_is_refused_for_good_is_counted_as_failed() -> None:
    """A wrong token: the push is dropped at once, and CollectorDropping has what it reads."""
    with otlp_sink() as sink:
        sink.status = 401
        env = {**GRAFANA, "GRAFANA_CLOUD_OTLP_ENDPOINT": sink.url}
        with collector(FOLDER / "config.grafana-cloud.yaml", env=env) as gate, pushing(gate) as recorded:
            turn(recorded)
            wait_for("the count", lambda: own(gate, "exporter_send_failed_metric_points_total"))
            wait_for("an empty queue", lambda: own(gate, "exporter_queue_size") == 0)


def test_a_full_queue_refuses_and_the_next_push_holds_everything() -> None:
    """The sender hears of it (CollectorRefusing reads the count), and no total is wrong afterwards."""
    text = (FOLDER / "config.prometheus-otlp.yaml").read_text(encoding="utf-8")
    small = text.replace("queue_size: 2000", "queue_size: 1")
    assert small != text
    with otlp_sink() as sink:
        sink.go.clear()
        env = {"REVIEWLENS_PROMETHEUS_OTLP_URL": sink.url}
        with collector(small, env=env) as gate, pushing(gate) as recorded:
            turn(recorded)
            wait_for("the first push to be on its way", sink.entered.is_set)
            assert own(gate, "exporter_queue_size") == own(gate, "exporter_queue_capacity") == 1
            assert own(gate, "receiver_refused_metric_points_total") == 0
            turn(recorded)
            assert own(gate, "receiver_refused_metric_points_total") > 0
            sink.go.set()
            wait_for("an empty queue", lambda: own(gate, "exporter_queue_size") == 0)
            turn(recorded)
            wait_for("the newest", lambda: sink.series("dialogue_turns_total") == {TURNS: 3})
            assert [sink.series("dialogue_turns_total", n) for n in range(len(sink.requests))] == [
                {TURNS: 1},
                {TURNS: 3},
            ]
