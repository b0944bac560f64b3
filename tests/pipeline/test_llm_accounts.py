"""The books agree: what the metrics say of attempts and tokens is what the providers' ledger says."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from support.metrics_page import value_or_zero
from support.servers import wait_for

from app.llm.chain import Chain, build_chain
from app.llm.settings import PROVIDERS
from app.llm.simulator.testing import RunningSimulator
from app.llm.verdict import Verdict, VerdictRequest
from app.reviews.models import Evidence, FactorScore
from telemetry.testing import Recorded

REQUEST = VerdictRequest(
    "소곤 청소기",
    "robot_cleaner",
    (FactorScore("noise", "소음", 0.9),),
    (Evidence("r1", 2, "밤에 시끄러워요", "noise", "NEG", 0.9),),
)
KIND_OF_OUTCOME = {
    "auth": "auth",
    "rate_limit": "rate_limit",
    "server": "server",
    "hang": "timeout",
    "drop": "connection",
    "half": "connection",
    "truncated": "invalid_response",
    "invalid_json": "invalid_response",
    "invalid_verdict": "invalid_response",
    "empty": "invalid_response",
}


def verdicts(simulator: RunningSimulator, count: int = 1, **settings: Any) -> list[Verdict]:
    """Verdicts of one chain, one after the other."""

    async def live() -> list[Verdict]:
        chain: Chain = build_chain(simulator.settings(**settings))
        await chain.warm()
        try:
            return [await chain.write(REQUEST) for _ in range(count)]
        finally:
            await chain.aclose()

    return asyncio.run(live())


def assert_books_agree(metrics: Recorded, simulator: RunningSimulator) -> None:
    """Attempts, errors by kind, durations and tokens of every provider, against the ledger."""
    entries = simulator.ledger()
    for provider in PROVIDERS:
        own = [entry for entry in entries if entry["provider"] == provider]
        errors = value_or_zero(metrics, "llm_calls_total", provider=provider, status="error")
        answered = sum(
            value_or_zero(metrics, "llm_calls_total", provider=provider, status=status)
            for status in ("success", "fallback")
        )
        assert answered == sum(entry["outcome"] == "ok" for entry in own)
        assert errors == sum(entry["outcome"] != "ok" for entry in own)
        assert value_or_zero(metrics, "llm_duration_seconds_count", provider=provider) == len(own)
        for kind in ("prompt", "completion"):
            said = sum(entry[f"{kind}_tokens"] for entry in own)
            assert value_or_zero(metrics, "llm_tokens_total", provider=provider, type=kind) == said
    kinds = Counter(KIND_OF_OUTCOME[entry["outcome"]] for entry in entries if entry["outcome"] != "ok")
    for kind in set(KIND_OF_OUTCOME.values()):
        assert value_or_zero(metrics, "errors_total", error_type=kind, component="llm") == kinds[kind]


def test_all_well(metrics: Recorded, simulator: RunningSimulator) -> None:
    """Five verdicts by the first provider: five requests, and nobody else is asked."""
    assert [(one.provider, one.status) for one in verdicts(simulator, 5)] == [("gemini", "success")] * 5
    assert len(simulator.ledger()) == 5
    assert value_or_zero(metrics, "llm_calls_total", provider="gemini", status="success") == 5
    assert_books_agree(metrics, simulator)


@pytest.mark.parametrize("outcome", KIND_OF_OUTCOME)
@pytest.mark.parametrize("failing", range(1, 4))
def test_fallback_in_order_after_any_failure(
    metrics: Recorded, simulator: RunningSimulator, outcome: str, failing: int
) -> None:
    """However many fail, and however: the next in the order answers, and at last the template."""
    order = ("openai", "claude", "gemini")
    simulator.fail(*order[:failing], outcome=outcome)
    timeouts = {f"{provider}_timeout": 0.6 for provider in order[:failing] if outcome == "hang"}
    (verdict,) = verdicts(simulator, providers=",".join(order), **timeouts)
    assert (verdict.provider, verdict.status) == ((*order, "template")[failing], "fallback")
    asked = [entry["provider"] for entry in simulator.ledger()]
    assert asked == list(order[: failing + 1])
    assert value_or_zero(metrics, "llm_calls_total", provider="template", status="fallback") == (failing == 3)
    assert_books_agree(metrics, simulator)


def test_a_hundred_verdicts_in_bad_weather(metrics: Recorded, simulator: RunningSimulator) -> None:
    """Every provider fails now and then, in all ways: not one attempt or token is lost or made up."""
    quick = ["auth", "rate_limit", "server", "drop", "half", "truncated", "invalid_json", "empty"]
    for seed, provider in enumerate(PROVIDERS):
        failures = [{"outcome": outcome, "share": 0.08} for outcome in (*quick, "invalid_verdict")]
        simulator.script(provider, failures=failures, seed=seed)
    outcomes = verdicts(simulator, 100)
    assert len(outcomes) == 100
    totals = simulator.totals()
    attempts = sum(
        value_or_zero(metrics, "llm_calls_total", provider=provider, status=status)
        for provider in PROVIDERS
        for status in ("success", "fallback", "error")
    )
    assert attempts == sum(total["requests"] for total in totals.values()) > 130
    by_template = sum(verdict.provider == "template" for verdict in outcomes)
    assert value_or_zero(metrics, "llm_calls_total", provider="template", status="fallback") == by_template
    assert_books_agree(metrics, simulator)


def test_a_shopper_who_leaves_is_in_both_books(metrics: Recorded, simulator: RunningSimulator) -> None:
    """A cancelled verdict is an attempt here and an aborted request there."""
    simulator.fail(outcome="hang")

    async def leave() -> None:
        chain = build_chain(simulator.settings())
        await chain.warm()
        verdict = asyncio.create_task(chain.write(REQUEST))
        await asyncio.to_thread(wait_for, "the request to be in the ledger", simulator.entries)
        verdict.cancel()
        try:
            await verdict
        finally:
            await chain.aclose()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert [(entry["provider"], entry["aborted"]) for entry in simulator.ledger()] == [("gemini", True)]
    assert value_or_zero(metrics, "llm_calls_total", provider="gemini", status="error") == 1
    assert metrics.total("llm_calls_total") == 1
