"""The two protocols of OTLP: the same points, headers, compression and trust, on real receivers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trustme
from support.otlp_sink import SINKS, Sink
from support.servers import free_port

from telemetry import known
from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    evidence_count,
    scoring_duration_seconds,
)
from telemetry.testing import recording

BOTH = pytest.mark.parametrize("protocol", SINKS)
PUSHED = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


def pushed(sink: Sink, **environ: str) -> None:
    """A scripted evening, and one push of it; `environ` without the prefix."""
    own = {f"OTEL_EXPORTER_OTLP_{key.upper()}": value for key, value in environ.items()}
    with recording({**PUSHED, **sink.environ, **own}, exporter=None, strict=False) as recorded:
        known(category=["chair", "monitor"], provider=["gemini", "template"])
        for turn in range(4):
            dialogue_turns_total.labels(category="chair").inc()
            evidence_count.labels(category="chair").observe(turn)
            scoring_duration_seconds.labels(category="monitor").observe(0.02 * turn)
        active_evidence_gauge.labels(category="chair", session_id="one").set(3)
        recorded.pipeline.flush()


def points(sink: Sink) -> dict[str, str]:
    """Every metric as it came over the wire, without the times."""
    found = {}
    for name, metric in sink.metrics(0).items():
        data = getattr(metric, metric.WhichOneof("data") or "")
        for point in data.data_points:
            point.ClearField("time_unix_nano")
            point.ClearField("start_time_unix_nano")
        found[name] = str(metric)
    return found


def test_both_protocols_carry_the_same_points() -> None:
    """Names, units, labels, buckets, values, series at 0 and the session gauge."""
    over = {}
    for protocol, sink_of in SINKS.items():
        with sink_of() as sink:
            pushed(sink)
            over[protocol] = points(sink)
    assert over["grpc"] == over["http/protobuf"]
    assert {"active_evidence_gauge", "dialogue_turns_total", "llm_duration_seconds"} <= set(over["grpc"])


@BOTH
@pytest.mark.parametrize("written", ["Basic dXNlcjpwYXNz", "Basic%20dXNlcjpwYXNz"])
def test_a_header_may_be_percent_encoded_or_not(
    protocol: str, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Both ways are understood, and nothing is logged about it."""
    with SINKS[protocol]() as sink:
        pushed(sink, headers=f"Authorization={written},x-scope=shop")
        assert sink.headers["authorization"] == "Basic dXNlcjpwYXNz"
        assert sink.headers["x-scope"] == "shop"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@BOTH
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_compression(protocol: str, compression: str) -> None:
    """What is packed is unpacked as the same."""
    with SINKS[protocol]() as sink:
        pushed(sink, compression=compression)
        if protocol != "grpc":
            assert sink.headers.get("content-encoding", "none") == compression
        assert sum(sink.series("dialogue_turns_total").values()) == 4


@BOTH
@pytest.mark.parametrize("trusted", [True, False])
def test_an_authority_of_ones_own(
    protocol: str,
    trusted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With its certificate a push over TLS arrives, whatever else the machine trusts; without, it does
    not, and one line says where to."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    with SINKS[protocol](authority.issue_cert("localhost")) as sink:
        pushed(sink, timeout="0.9", **({"certificate": str(tmp_path / "ca.pem")} if trusted else {}))
        assert bool(sink.requests) == trusted
        where = sink.url + ("" if protocol == "grpc" else "/v1/metrics")
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [line.partition(" fails: ")[0] for line in lines] == (
        [] if trusted else [f"pushing metrics to {where}"]
    )


@BOTH
def test_spans_go_the_same_way(protocol: str) -> None:
    """Under the traces' own variables."""
    with SINKS[protocol]() as sink:
        environ = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        }
        with recording(environ) as recorded:
            assert recorded.pipeline.tracer_provider is not None
            with recorded.pipeline.tracer_provider.get_tracer("test").start_as_current_span("one"):
                pass
            recorded.pipeline.flush()
            (request,) = sink.traces
    (span,) = [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
    assert span.name == "one"


@BOTH
def test_a_collector_that_is_away_is_told_in_few_words(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with the address, and no name of a class."""
    url = f"http://127.0.0.1:{free_port()}"
    environ = {
        **PUSHED,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",
    }
    with recording(environ, exporter=None, strict=False) as recorded:
        recorded.pipeline.flush()
        recorded.pipeline.flush()
    where = url + ("" if protocol == "grpc" else "/v1/metrics")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"pushing metrics to {where} fails: connection refused; requests are untouched, and totals follow "
        "with the next push that arrives"
    ]
