"""A session's id alone opens its dialogue: it stands in answers to its shopper, and nowhere else."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.otlp_sink import Sink, otlp_sink
from support.servers import Server, free_port, run, wait_for

from app.dialogue.model import digest, without_ids

ANSWER = {"answer": "소음이 제일 걱정돼요"}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL")
BIN = Path(sys.executable).parent
NEW = {"OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup"}


@contextmanager
def observed(by: tuple[Path, ...], state: Path, **env: str) -> Iterator[tuple[Server, Sink]]:
    """The service, and what its metrics and spans arrive at."""
    port = free_port()
    command = (*by, BIN / "uvicorn", "app.main:app", f"--port={port}", "--log-level=debug")
    with otlp_sink() as sink:
        told = {
            **sink.environ,
            **dict.fromkeys(KEYS, ""),
            "REVIEWLENS_STATE_DIR": str(state),
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            **env,
        }
        with run(command, f"http://127.0.0.1:{port}", "/readyz", env=told) as server:
            yield server, sink


def everything_asked_of(url: str, session_id: str) -> str:
    """All answers but those with the dialogue in it; each error, and paths that no route takes."""
    path = f"{url}/api/sessions/{session_id}"
    with httpx.Client(timeout=30) as client:
        client.post(f"{path}/turns", json={**ANSWER, "question_id": "none"})
        scraped = client.get(f"{url}/metrics").text
        client.delete(path).raise_for_status()
        errors = [
            client.post(f"{path}/turns", json=ANSWER),
            client.post(f"{path}/turns", content=b"{"),
            client.put(path),
            client.get(f"{path}/turn"),
            client.get(f"{url}/api//sessions/{session_id}"),
            client.get(f"{url}/{session_id.upper()}"),
            client.get(f"{url}/api/products", params={"session_id": session_id}),
            client.get(f"{url}/api/sessions/x{session_id[1:]}"),
        ]
    return scraped + "".join(error.text for error in errors)


@pytest.mark.parametrize("by", [(), (BIN / "opentelemetry-instrument",)], ids=["uvicorn", "instrumented"])
@pytest.mark.parametrize("env", [{}, NEW, {"REVIEWLENS_LOG_FORMAT": "json"}], ids=["old", "new", "json"])
def test_the_id_is_in_no_metric_log_span_or_error(
    state_dir: Path, env: dict[str, str], by: tuple[Path, ...]
) -> None:
    """In its place stands the same digest everywhere, with old names of attributes and with new ones."""
    with observed(by, state_dir, **env) as (server, sink):
        begun = httpx.post(f"{server.url}/api/sessions", json={"product_id": "chair"}).json()
        session_id, named = begun["session_id"], digest(begun["session_id"])
        httpx.post(f"{server.url}/api/sessions/{session_id}/turns", json=ANSWER).raise_for_status()
        wait_for("a push", lambda: named in str(sink.requests))
        text = everything_asked_of(server.url, session_id)
        wait_for("the spans", lambda: str(sink.traces).count(named) >= 10)
        log = server.log.read_text()
        told = {"scrape and errors": text, "log": log, "spans": str(sink.traces), "push": str(sink.requests)}
    for what, written in told.items():
        assert session_id not in written.lower(), what
        assert named in written, what
    (gauge,) = [
        f for f in text_string_to_metric_families(text.partition('{"detail')[0]) if "evidence_g" in f.name
    ]
    assert [sample.labels["session_id"] for sample in gauge.samples] == [named]


def test_the_digest_is_the_first_16_hex_digits_of_the_sha_256() -> None:
    """So that who has the id finds the series and the lines of the dialogue, with any tool."""
    assert digest("abc") == hashlib.sha256(b"abc").hexdigest()[:16] == "ba7816bf8f01cfea"


def test_ids_are_found_wherever_they_stand() -> None:
    """In any case; a text without one stays."""
    session_id = "0123456789abcdef" * 2
    named = digest(session_id)
    assert (
        without_ids(f"/a/{session_id}/{session_id.upper()}?x={session_id}") == f"/a/{named}/{named}?x={named}"
    )
    assert without_ids("/api/products/chair?x=0123456789abcdef") == "/api/products/chair?x=0123456789abcdef"
