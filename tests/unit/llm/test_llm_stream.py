"""The chain as a stream: what is told, withdrawn and counted, with providers that are told what to do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import anyio
import pytest

from app.llm.base import Chunk, Completion, LLMError, Prompt, Usage
from app.llm.chain import Chain, Event
from app.llm.estimate import Rate
from app.llm.verdict import Restart, Verdict, VerdictRequest, prompt_for
from telemetry.testing import Recorded, StepClock

REQUEST = VerdictRequest("비밀 청소기", "robot_cleaner")
PROMPT = prompt_for(REQUEST)
CHARS = len(f"{PROMPT.system}\n{PROMPT.user}")
GOOD = json.dumps({"summary": "요약", "recommendation": "권함", "key_findings": ["발견"]}, ensure_ascii=False)
VERDICT = ("요약", "권함", ("발견",))
FOREVER = object()
Told = Chunk | LLMError | object


class Streams:
    """A client that streams what it is told, fails where told an error, and waits where told for ever."""

    def __init__(self, name: str, *told: Told) -> None:
        self.name, self.told = name, told
        self.asked = self.closed = 0
        self.waits = asyncio.Event()

    async def warm(self) -> None: ...

    async def complete(self, prompt: Prompt) -> Completion:
        raise AssertionError("the chain asks for a stream")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        self.asked += 1
        try:
            for one in self.told:
                if isinstance(one, LLMError):
                    raise one
                if not isinstance(one, Chunk):
                    self.waits.set()
                    await anyio.sleep_forever()
                else:
                    yield one
        finally:
            self.closed += 1

    async def aclose(self) -> None: ...


def whole(text: str = GOOD, prompt: int = 70, completion: int = 30) -> tuple[Chunk, ...]:
    """A text in two pieces, and then its usage."""
    half = len(text) // 2
    return Chunk(text[:half]), Chunk(text[half:]), Chunk(usage=Usage(prompt, completion), last=True)


def events(*clients: Streams, deadline: float = 25.0, step: float = 0.25) -> list[Event]:
    """All that a chain tells."""

    async def listen() -> list[Event]:
        chain = Chain(clients, deadline=deadline, clock=StepClock(step))
        return [event async for event in chain.stream(REQUEST)]

    return asyncio.run(listen())


def until(count: int, *clients: Streams) -> None:
    """Hear so many events, and leave."""

    async def listen() -> None:
        async with aclosing(Chain(clients).stream(REQUEST)) as told:
            for _ in range(count):
                await anext(told)

    asyncio.run(listen())


def nonzero(metrics: Recorded, name: str) -> dict[tuple[str, ...], float]:
    """The series of a metric that are not 0, by their label values."""
    series = metrics.series(name).items()
    return {tuple(value for _, value in sorted(key)): value for key, value in series if value}


def tokens(metrics: Recorded, name: str = "llm_tokens_total") -> dict[tuple[str, ...], float]:
    return nonzero(metrics, name)


def test_pieces_and_then_the_verdict(metrics: Recorded) -> None:
    """One attempt: its words as they come; a step of the clock to the first, one more to the end."""
    told = events(Streams("gemini", *whole()), Streams("openai"))
    assert told == [GOOD[: len(GOOD) // 2], GOOD[len(GOOD) // 2 :], Verdict(*VERDICT, "gemini", "success")]
    assert nonzero(metrics, "llm_calls_total") == {("gemini", "success"): 1}
    assert metrics.sum("llm_first_byte_seconds", provider="gemini") == 0.25
    assert metrics.sum("llm_duration_seconds", provider="gemini") == 0.5
    assert tokens(metrics) == {("gemini", "prompt"): 70, ("gemini", "completion"): 30}
    assert tokens(metrics, "llm_tokens_estimated_total") == {}


def test_what_was_said_before_a_failure_is_withdrawn(metrics: Recorded) -> None:
    """One without words needs no restart; the template, which comes last, none of its own."""
    late = Streams("gemini", Chunk("{"), LLMError("gemini", "server"))
    early = Streams("openai", Chunk(usage=Usage(9, 0)), LLMError("openai", "connection"))
    told = events(late, early)
    assert told[:2] == ["{", Restart()]
    assert isinstance(told[2], Verdict)
    assert (told[2].provider, len(told)) == ("template", 3)
    assert nonzero(metrics, "llm_calls_total") == {
        ("gemini", "error"): 1,
        ("openai", "error"): 1,
        ("template", "fallback"): 1,
    }
    assert nonzero(metrics, "errors_total") == {("llm", "server"): 1, ("llm", "connection"): 1}
    assert nonzero(metrics, "llm_streams_aborted_total") == {}
    assert (late.closed, early.closed) == (1, 1)


def test_a_whole_answer_that_is_no_verdict_is_withdrawn(metrics: Recorded) -> None:
    """Its tokens are those that were told; nothing is estimated."""
    told = events(Streams("gemini", *whole("죄송합니다")), Streams("openai", *whole()))
    assert Restart() in told
    assert told[-1] == Verdict(*VERDICT, "openai", "fallback")
    assert tokens(metrics)["gemini", "completion"] == 30
    assert tokens(metrics, "llm_tokens_estimated_total") == {}


@pytest.mark.parametrize("status", ["success", "fallback"])
def test_who_leaves_makes_no_error(metrics: Recorded, caplog: pytest.LogCaptureFixture, status: str) -> None:
    """The attempt counts as what it would have been, once; the provider's stream is closed."""
    failing = [Streams("claude", LLMError("claude", "auth"))] if status == "fallback" else []
    left = Streams("gemini", *whole()[:2], FOREVER)
    with caplog.at_level(logging.INFO, "app.llm"):
        until(1, *failing, left)
    assert nonzero(metrics, "llm_calls_total")["gemini", status] == 1
    assert nonzero(metrics, "llm_streams_aborted_total") == {("gemini",): 1}
    assert metrics.count("llm_duration_seconds", provider="gemini") == 1
    assert left.closed == 1
    assert f"provider=gemini status={status} kind=cancelled" in caplog.messages[-1]


def test_who_leaves_while_nothing_comes_is_counted_too(metrics: Recorded) -> None:
    """A task that is cancelled amid the wait: no first byte, no tokens, and it stays cancelled."""
    waiting = Streams("gemini", FOREVER)

    async def leave() -> None:
        async def listen() -> None:
            async with aclosing(Chain([waiting]).stream(REQUEST)) as told:
                await anext(told)

        task = asyncio.create_task(listen())
        await waiting.waits.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert nonzero(metrics, "llm_calls_total") == {("gemini", "success"): 1}
    assert nonzero(metrics, "llm_streams_aborted_total") == {("gemini",): 1}
    assert metrics.series("llm_first_byte_seconds_count") == {}
    assert (tokens(metrics), waiting.closed) == ({}, 1)


def test_the_deadline_cuts_a_stream_off(metrics: Recorded) -> None:
    """A timeout of the provider's; the next is not asked, and the words are withdrawn."""
    late = Streams("openai", *whole())
    told = events(Streams("gemini", Chunk("{"), FOREVER), late, deadline=0.05)
    assert told[:2] == ["{", Restart()]
    assert late.asked == 0
    assert nonzero(metrics, "errors_total") == {("llm", "timeout"): 1}


@pytest.mark.parametrize(
    ("chunks", "prompt", "completion", "estimated"),
    [
        ((Chunk("가" * 9),), (CHARS + 1) // 2, 5, ((CHARS + 1) // 2, 5)),
        ((Chunk(usage=Usage(9, 0)), Chunk("가" * 9)), 9, 5, (0, 5)),
        ((Chunk("가" * 9, Usage(9, 4)), Chunk("가", Usage(9, 7))), 9, 7, (0, 0)),
        ((Chunk("가" * 9, Usage(9, 4)), Chunk("나" * 10)), 9, 9, (0, 5)),
        ((Chunk("가" * 9, Usage(9, 0)),), 9, 5, (0, 5)),
    ],
    ids=["told at the end", "prompt told", "all told", "told now and then", "a placeholder"],
)
def test_what_was_not_told_is_estimated(
    metrics: Recorded,
    chunks: Iterable[Chunk],
    prompt: int,
    completion: int,
    estimated: tuple[int, int],
) -> None:
    """By the length of what has come since the provider last told; the estimated part is known apart."""
    given = tuple(chunks)
    until(sum(bool(chunk.text) for chunk in given), Streams("gemini", *given, FOREVER))
    assert tokens(metrics) == {("gemini", "prompt"): prompt, ("gemini", "completion"): completion}
    parts = dict(zip((("gemini", "prompt"), ("gemini", "completion")), estimated, strict=True))
    assert tokens(metrics, "llm_tokens_estimated_total") == {key: part for key, part in parts.items() if part}


def test_a_rate_is_that_of_the_last_text_with_figures() -> None:
    """To the nearest; a text without figures, or none, teaches nothing."""
    rate = Rate()
    assert [rate.of(chars) for chars in (0, 1, 2, 9)] == [0, 1, 1, 5]
    rate.learn(300, 100)
    assert [rate.of(chars) for chars in (0, 1, 7)] == [0, 3, 21]
    rate.learn(0, 100)
    rate.learn(100, 0)
    assert rate.of(7) == 21


def test_a_whole_answer_teaches_the_rate_of_the_next_stream(metrics: Recorded) -> None:
    """Prompt and answer each by its own."""
    client = Streams("gemini", *whole(prompt=CHARS * 3, completion=len(GOOD) * 2))

    async def twice() -> None:
        chain = Chain([client])
        assert [event async for event in chain.stream(REQUEST)]
        client.told = (Chunk("가" * 5), FOREVER)
        async with aclosing(chain.stream(REQUEST)) as told:
            await anext(told)

    asyncio.run(twice())
    assert tokens(metrics, "llm_tokens_estimated_total") == {
        ("gemini", "prompt"): CHARS * 3,
        ("gemini", "completion"): 10,
    }
