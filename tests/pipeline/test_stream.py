"""A verdict as it is written: events, fallback, times against a stopwatch, tokens against the ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.metrics_page import value_or_zero
from support.streams import (
    ANSWER,
    EVENTS,
    PRODUCT,
    TURN,
    StreamingShop,
    assert_tokens_agree,
    estimated,
    shop,
    turns_of,
)

from app.api.stream import wanted
from app.llm.settings import PROVIDERS
from app.llm.simulator.testing import RunningSimulator
from telemetry.testing import Recorded

# What goes wrong at once, so that no text was shown; and what goes wrong later.
EARLY = ("auth", "rate_limit", "server", "drop", "invalid_json", "empty")
LATE = ("late_server", "half", "truncated", "invalid_verdict")


@pytest.fixture(scope="module")
def turns(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    return turns_of(sample_store, tmp_path_factory.mktemp("turns"))


@pytest.fixture
def open_shop(
    state_dir: Path, metrics: Recorded, simulator: RunningSimulator, turns: int
) -> Iterator[StreamingShop]:
    with shop(state_dir, metrics, simulator, turns, gemini_timeout=2) as running:
        yield running


def calls(metrics: Recorded) -> dict[tuple[str, str], float]:
    """Attempts by provider and status, those that happened."""
    series = metrics.series("llm_calls_total")
    told = {(dict(key)["provider"], dict(key)["status"]): value for key, value in series.items()}
    return {key: value for key, value in told.items() if value}


def findings(text: str) -> Any:
    """What a provider's JSON says."""
    return json.loads(text)


def test_the_events_are_the_verdict_as_it_is_written(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """Deltas that add up to the provider's answer, then the very answer that is given without streaming."""
    path = open_shop.up_to_the_last()
    with open_shop.streaming(path) as heard:
        heard.to_the_end()
    assert heard.names == ["delta", "result"]
    analysis = heard.result["analysis"]
    said = findings(heard.text)
    assert {key: analysis[key] for key in said} == said
    assert (analysis["provider"], analysis["status"], heard.result["is_final"]) == ("gemini", "success", True)
    state = open_shop.http.get(path.removesuffix("/turns")).json()
    assert {key: state[key] for key in ("analysis", "factors", "turn")} == {
        key: heard.result[key] for key in ("analysis", "factors", "turn")
    }
    headers = heard.response.headers
    assert headers["content-type"] == "text/event-stream"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert [entry["streamed"] for entry in simulator.ledger()] == [True]
    assert calls(metrics) == {("gemini", "success"): 1}
    assert value_or_zero(metrics, "dialogue_completions_total", category=PRODUCT) == 1
    assert value_or_zero(metrics, "http_streams_aborted_total", **TURN) == 0
    assert_tokens_agree(metrics, simulator)
    assert metrics.total("llm_tokens_estimated_total") == 0


def test_a_plain_answer_has_the_same_shape(open_shop: StreamingShop, simulator: RunningSimulator) -> None:
    """Without the header nothing is streamed, from the provider neither."""
    streamed = open_shop.verdict().result
    plain = open_shop.http.post(open_shop.up_to_the_last(), json={"answer": ANSWER})
    assert plain.headers["content-type"] == "application/json"
    assert plain.json() | {"session_id": ""} == streamed | {"session_id": ""}
    assert [entry["streamed"] for entry in simulator.ledger()] == [True, False]


def test_an_answer_that_brings_no_verdict_is_one_result(open_shop: StreamingShop) -> None:
    """The next question, as an event."""
    begun = open_shop.http.post("/api/sessions", json={"product_id": PRODUCT}).json()
    with open_shop.streaming(f"/api/sessions/{begun['session_id']}/turns") as heard:
        heard.to_the_end()
    assert heard.names == ["result"]
    assert (heard.result["turn"], bool(heard.result["question"])) == (1, True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_times_are_right_against_a_stopwatch(
    state_dir: Path, metrics: Recorded, simulator: RunningSimulator, turns: int, provider: str
) -> None:
    """First byte and whole time lie between what the simulator was told to take and what the client saw."""
    latency, pace, size = 0.4, 0.03, 20
    simulator.script(provider, latency_seconds=latency, pace_seconds=pace, piece_chars=size)
    with (
        shop(state_dir, metrics, simulator, turns, providers=provider) as open_shop,
        open_shop.streaming(open_shop.up_to_the_last()) as heard,
    ):
        heard.to_the_end()
    (entry,) = simulator.ledger()
    llm_first = metrics.sum("llm_first_byte_seconds", provider=provider)
    llm_total = metrics.sum("llm_duration_seconds", provider=provider)
    # The pauses between the pieces; the other events of a protocol add more.
    written = pace * (len(heard.text) // size)
    http_first = metrics.sum("http_first_byte_seconds", **TURN)
    assert latency <= entry["first_byte_seconds"] <= llm_first <= http_first <= heard.first
    assert latency + written <= llm_total <= heard.total
    before = metrics.count("http_request_duration_seconds", **TURN) - 1
    assert (metrics.count("http_first_byte_seconds", **TURN), before) == (1, turns - 1)


@pytest.mark.parametrize("outcome", EARLY)
def test_who_fails_before_a_word_is_not_noticed(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator, outcome: str
) -> None:
    """The next provider's words are the first."""
    simulator.fail("gemini", outcome=outcome)
    heard = open_shop.verdict()
    assert heard.names == ["delta", "result"]
    assert (heard.result["analysis"]["provider"], heard.result["analysis"]["status"]) == (
        "openai",
        "fallback",
    )
    assert calls(metrics) == {("gemini", "error"): 1, ("openai", "fallback"): 1}
    assert_tokens_agree(metrics, simulator)


@pytest.mark.parametrize("outcome", LATE)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_who_fails_amid_its_words_has_them_withdrawn(
    state_dir: Path, metrics: Recorded, simulator: RunningSimulator, turns: int, provider: str, outcome: str
) -> None:
    """A restart, then another's words; the tokens of what was withdrawn count too, and are in the ledger."""
    other = "openai" if provider == "gemini" else "gemini"
    simulator.fail(provider, outcome=outcome)
    with shop(state_dir, metrics, simulator, turns, providers=f"{provider},{other}") as open_shop:
        heard = open_shop.verdict()
    assert heard.names == ["delta", "restart", "delta", "result"]
    said = findings(heard.text)
    assert {key: heard.result["analysis"][key] for key in said} == said
    assert calls(metrics) == {(provider, "error"): 1, (other, "fallback"): 1}
    assert value_or_zero(metrics, "llm_streams_aborted_total", provider=provider) == 0
    assert value_or_zero(metrics, "http_streams_aborted_total", **TURN) == 0
    assert_tokens_agree(metrics, simulator)
    assert simulator.ledger()[0]["completion_tokens"] > 0
    whole = outcome in ("truncated", "invalid_verdict")
    assert bool(sum(estimated(metrics, provider))) is not (whole or provider == "gemini")


def test_who_stalls_amid_its_words_has_until_its_timeout(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """Then it is a timeout, its words are withdrawn, and the upstream call is over."""
    simulator.fail("gemini", outcome="stall")
    heard = open_shop.verdict()
    assert heard.names == ["delta", "restart", "delta", "result"]
    assert value_or_zero(metrics, "errors_total", error_type="timeout", component="llm") == 1
    assert metrics.sum("llm_duration_seconds", provider="gemini") >= 2
    assert [(entry["provider"], entry["aborted"]) for entry in simulator.ledger()] == [
        ("gemini", True),
        ("openai", False),
    ]
    assert_tokens_agree(metrics, simulator)


def test_where_all_fail_the_template_has_the_last_word(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """Two had begun: two restarts; the result is the template's, which is never streamed."""
    simulator.fail("gemini", outcome="half")
    simulator.fail("openai", outcome="server")
    simulator.fail("claude", outcome="late_server")
    heard = open_shop.verdict()
    assert heard.names == ["delta", "restart", "delta", "restart", "result"]
    assert heard.result["analysis"]["provider"] == "template"
    failed = {(provider, "error"): 1 for provider in PROVIDERS}
    assert calls(metrics) == {**failed, ("template", "fallback"): 1}
    assert_tokens_agree(metrics, simulator)


def test_a_wrong_request_is_answered_as_ever(open_shop: StreamingShop, metrics: Recorded) -> None:
    """Before the first event the status can still say it."""
    lost = open_shop.http.post("/api/sessions/none/turns", json={"answer": "네"}, headers=EVENTS)
    assert (lost.status_code, lost.headers["content-type"]) == (404, "application/json")
    assert open_shop.http.post("/api/sessions/none/turns", json={}, headers=EVENTS).status_code == 422
    assert value_or_zero(metrics, "errors_total", error_type="not_found", component="api") == 1
    assert value_or_zero(metrics, "http_requests_total", **TURN, status_code="404") == 1


@pytest.mark.parametrize(
    ("fault", "detail", "error_type", "status"),
    [
        (sqlite3.OperationalError("disk full"), "the store cannot be used now", "unavailable", "200"),
        (RuntimeError("never shown"), "Internal Server Error", "unhandled", "500"),
    ],
)
def test_what_fails_amid_the_stream_is_its_last_event(
    open_shop: StreamingShop, metrics: Recorded, fault: Exception, detail: str, error_type: str, status: str
) -> None:
    """Counted as elsewhere; the verdict was not kept, so the last answer can be repeated."""
    path = open_shop.up_to_the_last()
    engine = open_shop.app.state.services.engine

    def fail(*_: Any) -> Any:
        raise fault

    engine._deliver, deliver = fail, engine._deliver
    with open_shop.streaming(path) as heard:
        try:
            heard.to_the_end()
        except Exception as error:  # a fault of ours breaks the connection too
            assert status == "500", error
    engine._deliver = deliver
    name, data = heard.events[-1]
    assert (name, data["detail"].startswith(detail), "never" in str(heard.events)) == ("error", True, False)
    assert value_or_zero(metrics, "errors_total", error_type=error_type, component="api") == 1
    with open_shop.streaming(path) as again:
        assert again.to_the_end().result["analysis"]
    assert value_or_zero(metrics, "http_requests_total", **TURN, status_code=status) >= 1
    assert value_or_zero(metrics, "http_streams_aborted_total", **TURN) == 0


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("application/json, Text/Event-Stream", True),
        ("text/event-stream;q=0.9, application/json;q=0.5", True),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=much", False),
        ("*/*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_only_who_asks_for_events_has_them(accept: str, streams: bool) -> None:
    """Named, and liked no less than JSON."""
    assert wanted(accept) is streams
