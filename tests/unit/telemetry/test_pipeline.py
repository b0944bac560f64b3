"""The composition root: start, flush, shutdown, and what each leaves behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.exporters import KeepingExporter

from telemetry import pipeline as root
from telemetry import serve_metrics, shutdown, start
from telemetry.metrics import active_evidence_gauge, dialogue_turns_total, evidence_count
from telemetry.testing import recording

PUSHED = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


def turns(exporter: KeepingExporter) -> list[float]:
    """The value of the counter in each export."""
    return [
        sum(point.value for point in exporter.points("dialogue_turns_total", number))
        for number in range(len(exporter.delivered))
    ]


def test_recording_from_many_threads_loses_nothing() -> None:
    """Eight threads, a counter, a histogram and kept children."""
    with recording() as metrics:
        kept = dialogue_turns_total.labels(category="chair")

        def work(_: int) -> None:
            for _ in range(1_000):
                kept.inc()
                dialogue_turns_total.labels(category="monitor").inc(2)
                evidence_count.labels(category="chair").observe(1)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert metrics.value("dialogue_turns_total", category="chair") == 8_000
        assert metrics.value("dialogue_turns_total", category="monitor") == 16_000
        assert metrics.count("evidence_count", category="chair") == 8_000
        assert metrics.sum("evidence_count", category="chair") == 8_000


def test_a_flush_pushes_what_is_recorded_now() -> None:
    """Cumulative: each push has the whole."""
    sink = KeepingExporter()
    with recording(PUSHED, lambda: sink) as metrics:
        for _ in range(2):
            dialogue_turns_total.labels(category="chair").inc()
            metrics.pipeline.flush()
    assert turns(sink)[:2] == [1, 2]


def test_shutdown_pushes_once_more_and_then_nothing_is_recorded() -> None:
    """The last increments are not lost; later ones go nowhere, and gauges are empty."""
    sink = KeepingExporter()
    with recording(PUSHED, lambda: sink):
        dialogue_turns_total.labels(category="chair").inc(7)
        active_evidence_gauge.labels(category="chair", session_id="s1").set(1)
    assert turns(sink) == [7]
    dialogue_turns_total.labels(category="chair").inc()
    assert active_evidence_gauge.live() == {}
    assert turns(sink) == [7]


def test_where_no_thread_starts_any_more_the_last_push_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some Pythons start none while the interpreter ends."""
    sink = KeepingExporter()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with recording(PUSHED, lambda: sink):
        dialogue_turns_total.labels(category="chair").inc(7)
        monkeypatch.setattr(threading.Thread, "start", refuse)
    assert turns(sink) == [7]


@pytest.mark.parametrize("call", ["flush", "shutdown"])
def test_a_receiver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The exporter goes on by itself; the caller goes on after the time that is set."""
    monkeypatch.setattr(root, "FLUSH_MS", 100)
    sink = KeepingExporter()
    with recording(PUSHED, lambda: sink) as metrics:
        sink.go.clear()
        began = time.monotonic()
        getattr(metrics.pipeline, call)()
        waited = time.monotonic() - began
        sink.go.set()
    assert 0.1 <= waited < 3


def test_a_fault_of_a_flush_is_dealt_with_by_the_guard() -> None:
    """Counted in production, raised in tests."""
    sink = KeepingExporter()
    with recording({**PUSHED, "OTEL_METRICS_EXPORTER": "otlp,prometheus"}, lambda: sink) as metrics:
        sink.flush_fault = RuntimeError("cannot flush")
        with pytest.raises(RuntimeError, match="cannot flush"):
            metrics.pipeline.flush()
        sink.flush_fault = None


@pytest.mark.parametrize("environ", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_METRICS_EXPORTER": "none"}])
def test_switched_off_everything_may_still_be_called(environ: dict[str, str]) -> None:
    """Handles, flush and shutdown; there is nothing to scrape."""
    with recording(environ) as metrics:
        dialogue_turns_total.labels(category="chair").inc()
        active_evidence_gauge.labels(category="chair", session_id="s1").set(1)
        metrics.pipeline.flush()
        assert metrics.pipeline.exposition is None
        with pytest.raises(LookupError, match="start it with OTEL_METRICS_EXPORTER=prometheus"):
            metrics.text()


def test_a_process_has_one_pipeline_until_it_is_shut_down() -> None:
    """start() twice is the same; after shutdown() a new one; shutdown() twice is harmless."""
    try:
        first = start({})
        assert start({"OTEL_SDK_DISABLED": "true"}) is first
        assert root.current() is first
        shutdown()
        assert root.current() is None
        second = start({})
        assert second is not first
    finally:
        shutdown()
        shutdown()


@pytest.mark.server
def test_a_batch_process_serves_its_metrics_in_one_call() -> None:
    """serve_metrics() starts the pipeline; port 0 is any."""
    import httpx

    try:
        server = serve_metrics(0)
        dialogue_turns_total.labels(category="chair").inc()
        text = httpx.get(f"http://127.0.0.1:{server.port}/metrics").text
        server.close()
    finally:
        shutdown()
    assert 'dialogue_turns_total{category="chair"} 1.0' in text


def test_importing_telemetry_starts_nothing() -> None:
    """No thread, no global provider, nothing from the environment: importing a library is no decision."""
    code = (
        "import threading, telemetry, telemetry.auto; from opentelemetry import metrics; "
        "print(threading.active_count(), type(metrics.get_meter_provider()).__name__)"
    )
    env = {"OTEL_METRICS_EXPORTER": "nonsense", "PATH": ""}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert printed.stdout.split() == ["1", "_ProxyMeterProvider"]
