"""The chain: order, counting, deadline and cancellation, with providers that are told what to do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from app.llm.base import Chunk, Completion, LLMError, Prompt, Usage
from app.llm.chain import Chain
from app.llm.reading import MOST_TOKENS
from app.llm.verdict import Verdict, VerdictRequest
from telemetry.testing import Recorded, StepClock

REQUEST = VerdictRequest("비밀 청소기", "robot_cleaner")
GOOD = json.dumps({"summary": "요약", "recommendation": "권함", "key_findings": ["발견"]})
Act = Callable[[], Awaitable[Completion]]


class Told:
    """A client that does what it is told, and counts how often it is asked and closed."""

    def __init__(self, name: str, act: Act) -> None:
        self.name, self._act = name, act
        self.asked = self.warmed = self.closed = 0

    async def warm(self) -> None:
        self.warmed += 1

    async def complete(self, prompt: Prompt) -> Completion:
        self.asked += 1
        return await self._act()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        raise AssertionError("the chain does not stream")
        yield Chunk("")

    async def aclose(self) -> None:
        self.closed += 1


def answers(name: str, text: str = GOOD, prompt: int = 7, completion: int = 3) -> Told:
    async def act() -> Completion:
        return Completion(text, Usage(prompt, completion), "m")

    return Told(name, act)


def fails(name: str, error: LLMError) -> Told:
    async def act() -> Completion:
        raise error

    return Told(name, act)


def hangs(name: str) -> Told:
    async def act() -> Completion:
        await asyncio.Event().wait()
        raise AssertionError("woken")

    return Told(name, act)


def calls(metrics: Recorded) -> dict[tuple[str, str], float]:
    """Attempts by provider and status, those that happened."""
    series = metrics.series("llm_calls_total")
    counted = {(dict(key)["provider"], dict(key)["status"]): value for key, value in series.items()}
    return {key: value for key, value in counted.items() if value}


def test_the_first_provider_answers(metrics: Recorded) -> None:
    """A success: one attempt, its time, its tokens, and the others are not asked."""
    first, second = answers("gemini"), answers("openai")
    chain = Chain([first, second], clock=StepClock(0.25))
    assert asyncio.run(chain.write(REQUEST)) == Verdict("요약", "권함", ("발견",), "gemini", "success")
    assert (first.asked, second.asked) == (1, 0)
    assert calls(metrics) == {("gemini", "success"): 1}
    assert metrics.value("llm_tokens_total", provider="gemini", type="prompt") == 7
    assert metrics.value("llm_tokens_total", provider="gemini", type="completion") == 3
    assert metrics.count("llm_duration_seconds", provider="gemini") == 1
    assert metrics.sum("llm_duration_seconds", provider="gemini") == 0.25


def test_a_later_provider_is_a_fallback(metrics: Recorded) -> None:
    """The failed attempt is an error of its kind with a duration; the later answer is a fallback."""
    chain = Chain([fails("gemini", LLMError("gemini", "rate_limit")), answers("openai")])
    verdict = asyncio.run(chain.write(REQUEST))
    assert (verdict.provider, verdict.status) == ("openai", "fallback")
    assert calls(metrics) == {("gemini", "error"): 1, ("openai", "fallback"): 1}
    assert metrics.value("errors_total", error_type="rate_limit", component="llm") == 1
    assert metrics.count("llm_duration_seconds", provider="gemini") == 1
    assert metrics.count("llm_duration_seconds", provider="openai") == 1


def test_the_template_answers_when_nobody_else_does(metrics: Recorded) -> None:
    """The last resort is a fallback without time and tokens."""
    chain = Chain([fails(name, LLMError(name, "auth")) for name in ("gemini", "openai", "claude")])
    verdict = asyncio.run(chain.write(REQUEST))
    assert (verdict.provider, verdict.status) == ("template", "fallback")
    assert calls(metrics) == {
        ("gemini", "error"): 1,
        ("openai", "error"): 1,
        ("claude", "error"): 1,
        ("template", "fallback"): 1,
    }
    assert metrics.value("errors_total", error_type="auth", component="llm") == 3
    timed = {dict(key)["provider"] for key in metrics.series("llm_duration_seconds_count")}
    assert timed == {"gemini", "openai", "claude"}
    assert metrics.total("llm_tokens_total") == 0


def test_without_providers_the_template_is_a_fallback(metrics: Recorded) -> None:
    """No key and no simulator: a dialogue ends with a verdict all the same."""
    verdict = asyncio.run(Chain([]).write(REQUEST))
    assert (verdict.provider, verdict.status) == ("template", "fallback")
    assert calls(metrics) == {("template", "fallback"): 1}


def test_tokens_of_an_answer_that_is_no_verdict_are_counted(metrics: Recorded) -> None:
    """They were used and will be billed, whether the client or the parser found the answer useless."""
    empty = LLMError("openai", "invalid_response", "the answer is empty", Usage(7, 0))
    chain = Chain([answers("gemini", "죄송합니다"), fails("openai", empty)])
    assert asyncio.run(chain.write(REQUEST)).provider == "template"
    assert metrics.value("errors_total", error_type="invalid_response", component="llm") == 2
    tokens = {
        (dict(key)["provider"], dict(key)["type"]): value
        for key, value in metrics.series("llm_tokens_total").items()
        if value
    }
    assert tokens == {("gemini", "prompt"): 7, ("gemini", "completion"): 3, ("openai", "prompt"): 7}


def test_a_client_that_breaks_is_a_failed_attempt(
    metrics: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """The next is asked, and the error is counted; its text, which may quote the answer, is not logged."""

    async def act() -> Completion:
        raise AttributeError("비밀 청소기")

    with caplog.at_level(logging.INFO, "app.llm"):
        verdict = asyncio.run(Chain([Told("gemini", act), answers("openai")]).write(REQUEST))
    assert (verdict.provider, verdict.status) == ("openai", "fallback")
    assert calls(metrics) == {("gemini", "error"): 1, ("openai", "fallback"): 1}
    assert metrics.value("errors_total", error_type="invalid_response", component="llm") == 1
    assert "비밀" not in caplog.text


def test_tokens_that_an_answer_does_not_tell_are_estimated(metrics: Recorded) -> None:
    """By its length, and known apart; at most so many as can be, whatever was learned before."""

    async def act() -> Completion:
        return Completion(GOOD, Usage(None, told.pop()), "m")

    told: list[int | None] = [None, MOST_TOKENS, None]
    chain = Chain([Told("gemini", act)])
    for _ in range(3):
        asyncio.run(chain.write(REQUEST))
    estimated = (len(GOOD) + 1) // 2 + MOST_TOKENS
    assert metrics.value("llm_tokens_estimated_total", provider="gemini", type="completion") == estimated
    total = metrics.value("llm_tokens_total", provider="gemini", type="completion")
    assert total == estimated + MOST_TOKENS


def test_the_deadline_cuts_an_attempt_off_and_asks_nobody_after_it(metrics: Recorded) -> None:
    """What is cut off is a timeout; a provider that was not asked is not counted."""
    late = answers("openai")
    chain = Chain([hangs("gemini"), late], deadline=0.05)
    verdict = asyncio.run(chain.write(REQUEST))
    assert (verdict.provider, late.asked) == ("template", 0)
    assert calls(metrics) == {("gemini", "error"): 1, ("template", "fallback"): 1}
    assert metrics.value("errors_total", error_type="timeout", component="llm") == 1


def test_a_cancelled_attempt_is_counted_and_stays_cancelled(
    metrics: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """An attempt was made and gave nothing: an error, with its time; but no error type, and no fallback."""
    waiting = hangs("gemini")

    async def leave() -> None:
        task = asyncio.create_task(Chain([waiting, answers("openai")]).write(REQUEST))
        await asyncio.sleep(0)
        assert waiting.asked
        task.cancel()
        await task

    with caplog.at_level(logging.INFO, "app.llm"), pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert calls(metrics) == {("gemini", "error"): 1}
    assert metrics.count("llm_duration_seconds", provider="gemini") == 1
    assert metrics.total("errors_total") == 0
    assert "status=error kind=cancelled" in caplog.text


def test_one_log_line_an_attempt_without_any_text(
    metrics: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """Provider, status, kind, duration and tokens; neither the prompt nor the answer."""
    chain = Chain([fails("gemini", LLMError("gemini", "server", "HTTP 503")), answers("claude")])
    with caplog.at_level(logging.INFO, "app.llm"):
        asyncio.run(Chain(chain.clients, clock=StepClock(0.5)).write(REQUEST))
    assert caplog.messages == [
        "llm attempt provider=gemini status=error kind=server duration=0.500s "
        "prompt_tokens=0 completion_tokens=0",
        "llm attempt provider=claude status=fallback kind=- duration=0.500s "
        "prompt_tokens=7 completion_tokens=3",
    ]


def test_all_clients_are_warmed_and_closed() -> None:
    """The chain owns its clients."""
    clients = [answers("gemini"), answers("openai")]

    async def live() -> None:
        chain = Chain(clients)
        await chain.warm()
        await chain.aclose()

    asyncio.run(live())
    assert [(one.warmed, one.closed) for one in clients] == [(1, 1), (1, 1)]
