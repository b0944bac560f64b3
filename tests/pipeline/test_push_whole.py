"""What is pushed is what is scraped, all of it, while sessions live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.otlp_sink import SINKS, Sink, otlp_sink
from support.servers import ROOT

from telemetry import known
from telemetry.catalog import CATALOG
from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    evidence_count,
    scoring_duration_seconds,
)
from telemetry.testing import Recorded, recording

PUSHED = {"OTEL_METRICS_EXPORTER": "prometheus,otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


def scraped(recorded: Recorded) -> dict[str, Any]:
    """Every metric's series by name; of a histogram the counts."""
    series = {
        metric.name: recorded.series(metric.name + ("_count" if metric.kind == "histogram" else ""))
        for metric in CATALOG
    }
    return {name: values for name, values in series.items() if values}


def pushed(sink: Sink) -> dict[str, Any]:
    """The same of the last push, decoded from the wire."""
    return {name: sink.series(name) for name in sink.metrics()}


@pytest.mark.parametrize("protocol", SINKS)
def test_a_live_session_takes_nothing_away(protocol: str) -> None:
    """Before, while and after a session lives: whole series and values of every metric."""
    with (
        SINKS[protocol]() as sink,
        recording({**PUSHED, **sink.environ}, exporter=None) as recorded,
    ):
        known(category=["chair", "monitor"], provider=["gemini", "template"])
        session = active_evidence_gauge.labels(category="chair", session_id="one")
        for turn in range(3):
            dialogue_turns_total.labels(category="chair").inc()
            evidence_count.labels(category="chair").observe(turn)
            scoring_duration_seconds.labels(category="chair").observe(0.02)
            recorded.pipeline.flush()
            assert pushed(sink) == scraped(recorded)
            session.set(turn + 1)
            recorded.pipeline.flush()
            assert pushed(sink) == scraped(recorded)
        session.remove()
        recorded.pipeline.flush()
        ended = pushed(sink)
        gauge = frozenset({("category", "chair"), ("session_id", "one")})
        assert ended.pop("active_evidence_gauge") == {gauge: 0.0}
        assert ended == scraped(recorded)


def test_an_import_pushes_under_its_own_name(tmp_path: Path) -> None:
    """In the API's environment too: under one name, each would undo what the other pushed."""
    with otlp_sink() as sink:
        environ = {
            **os.environ,
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_SERVICE_NAME": "reviewlens-api",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "REVIEWLENS_STATE_DIR": str(tmp_path),
        }
        program = Path(sys.executable).with_name("reviewlens")
        factors = ROOT / "app/reviews/samples/factors.csv"
        subprocess.run(
            [program, "ingest", factors, "--metrics-port", "0"], env=environ, check=True, timeout=60
        )
        assert sink.resource()["service.name"] == "crawl-script"
        taken = frozenset({("kind", "factors"), ("result", "taken")})
        assert sink.series("ingest_rows_total")[taken] > 0
