"""Doctor and exporter side by side: what the one says of a push, the other must meet."""

from __future__ import annotations

import base64
import time
from pathlib import Path

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.doctor.finding import PASSED, Finding
from telemetry.doctor.pushes import pushes
from telemetry.doctor.subject import Subject
from telemetry.push.exporters import metric_exporter
from telemetry.push.target import PREFIX, target


def environ(**given: str | Path) -> dict[str, str]:
    """Variables of a service that pushes, named without their prefix."""
    return {
        "OTEL_METRICS_EXPORTER": "otlp",
        **{PREFIX + name: str(value) for name, value in given.items()},
    }


def verdict(given: dict[str, str]) -> Finding:
    """The one finding on the push of metrics."""
    (finding,) = pushes(Subject(given))
    return finding


def arrives(given: dict[str, str]) -> bool:
    """Whether the service's own exporter brings one point to where the variables say."""
    point = NumberDataPoint({}, 0, time.time_ns(), 1.0)
    metric = Metric("doctor_gauge", "", "", Gauge([point]))
    scopes = [ScopeMetrics(InstrumentationScope("doctor"), [metric], "")]
    data = MetricsData([ResourceMetrics(Resource({"service.name": "doctor"}), scopes, "")])
    exporter = metric_exporter(target("metrics", {**given, PREFIX + "TIMEOUT": "1"}))
    try:
        return exporter.export(data) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown()


def mended(given: dict[str, str], finding: Finding, mend: int = 0) -> dict[str, str]:
    """The variables with the lines of a mend laid over them."""
    lines = finding.mend[mend].removesuffix(" (tried: accepted)").split(" and ")
    return {**given, **dict(line.split("=", 1) for line in lines)}


def credentials(user: str, token: str) -> str:
    """A value of the headers' variable."""
    return "Authorization=Basic%20" + base64.b64encode(f"{user}:{token}".encode()).decode()


def refuses(given: dict[str, str], expected: str) -> Finding:
    """The doctor's verdict, which must be the expected one, and the exporter must fail too."""
    finding = verdict(given)
    assert finding.id == expected, finding
    assert finding.mend
    assert not arrives(given)
    return finding


def accepts(given: dict[str, str]) -> None:
    """Both the doctor and the exporter are content."""
    assert verdict(given).id == PASSED
    assert arrives(given)
