"""What goes to CloudWatch is signed with SigV4; a server that checks with botocore lets it in."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from support.collected import FOLDER, own, pushing, turn
from support.servers import collector, wait_for
from support.sigv4_sink import sigv4_sink

from telemetry.metrics import dialogue_completions_total

pytestmark = pytest.mark.built

KEY, SECRET, REGION = "AKIANOTAKEY", "not/a+secret", "eu-central-1"
RIGHT = {
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def metrics(request: ExportMetricsServiceRequest) -> dict[str, Metric]:
    """The metrics of a request by name."""
    scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
    return {metric.name: metric for scope in scopes for metric in scope.metrics}


def points(request: ExportMetricsServiceRequest) -> int:
    """How many data points a request holds."""
    return sum(
        len(getattr(metric, str(metric.WhichOneof("data"))).data_points)
        for metric in metrics(request).values()
    )


def test_cloudwatch_lets_in_what_the_collector_signs() -> None:
    """Region, service, time, body: botocore finds the same signature. A request holds 200 points at most."""
    with ExitStack() as stack:
        sink = stack.enter_context(sigv4_sink(KEY, SECRET, REGION, "monitoring"))
        env = {**RIGHT, "CLOUDWATCH_OTLP_ENDPOINT": sink.url}
        gate = stack.enter_context(collector(FOLDER / "config.cloudwatch.yaml", env=env))
        recorded = stack.enter_context(pushing(gate))
        for number in range(250):
            dialogue_completions_total.labels(category=f"category {number}").inc()
        turn(recorded)
        wait_for("the whole push", lambda: sum(map(points, sink.requests)) > 250)
        assert max(map(points, sink.requests)) == 200
        assert {name for request in sink.requests for name in metrics(request)} >= {
            "dialogue_completions_total",
            "dialogue_turns_total",
        }
        assert sink.refused == []
        assert SECRET not in gate.log.read_text()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "wrong"),
        ({"AWS_ACCESS_KEY_ID": "AKIAANOTHER"}, "signed for AKIAANOTHER"),
        ({"AWS_REGION": "us-east-1"}, "/us-east-1/monitoring/aws4_request"),
    ],
)
def test_what_is_signed_wrong_is_refused_and_counted(wrong: dict[str, str], fault: str) -> None:
    """Another secret, key or region: nothing is let in, and CollectorDropping has what it reads."""
    with ExitStack() as stack:
        sink = stack.enter_context(sigv4_sink(KEY, SECRET, REGION, "monitoring"))
        env = {**RIGHT, **wrong, "CLOUDWATCH_OTLP_ENDPOINT": sink.url}
        gate = stack.enter_context(collector(FOLDER / "config.cloudwatch.yaml", env=env))
        turn(stack.enter_context(pushing(gate)))
        wait_for("the count", lambda: own(gate, "exporter_send_failed_metric_points_total"))
        assert [told for told in sink.refused if fault not in told] == []
        assert sink.requests == []
