"""Clients on the real SDKs against a real simulator: answers, streams, and every way to fail."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from app.llm.base import Chunk, Client, Completion, LLMError, Prompt, Usage
from app.llm.chain import build_client
from app.llm.sdk import SdkClient
from app.llm.settings import PROVIDERS
from app.llm.simulator.testing import RunningSimulator
from app.llm.verdict import VerdictRequest, parse, prompt_for
from app.reviews.models import Evidence, FactorScore

T = TypeVar("T")
SECRET_WORD = "한밤중비밀단어"
KEY = "sk-key-of-this-test"
REQUEST = VerdictRequest(
    f"{SECRET_WORD} 청소기",
    "robot_cleaner",
    (FactorScore("noise", "소음", 0.9),),
    (Evidence("r1", 2, f"{SECRET_WORD} 시끄러워요", "noise", "NEG", 0.9),),
)
PROMPT = prompt_for(REQUEST)
# Outcome, and what it is to the client, whole and as a stream. None: the client takes it, the verdict fails.
FAILURES: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({"outcome": "auth"}, "auth"),
    ({"outcome": "auth", "status": 401}, "auth"),
    ({"outcome": "auth", "status": 403}, "auth"),
    ({"outcome": "rate_limit"}, "rate_limit"),
    ({"outcome": "server"}, "server"),
    ({"outcome": "server", "status": 500}, "server"),
    ({"outcome": "server", "status": 503}, "server"),
    ({"outcome": "server", "status": 529}, "server"),
    ({"outcome": "server", "status": 504}, "timeout"),
    ({"outcome": "server", "status": 400}, "invalid_response"),
    ({"outcome": "server", "status": 404}, "invalid_response"),
    ({"outcome": "late_server"}, "server"),
    ({"outcome": "drop"}, "connection"),
    ({"outcome": "half"}, "connection"),
    ({"outcome": "stall"}, "timeout"),
    ({"outcome": "hang"}, "timeout"),
    ({"outcome": "invalid_json"}, "invalid_response"),
    ({"outcome": "empty"}, "invalid_response"),
    ({"outcome": "truncated"}, None),
    ({"outcome": "invalid_verdict"}, None),
)


def client_of(simulator: RunningSimulator, provider: str, timeout: float = 10.0, **settings: Any) -> Client:
    one = simulator.settings(providers=provider, **settings).configured[0]
    return build_client(replace(one, timeout=timeout, api_key=SecretStr(KEY)))


def run(client: Client, act: Callable[[Client], Awaitable[T]]) -> T:
    """What `act` does with the client, in a loop of its own, and the client closed."""

    async def live() -> T:
        try:
            await client.warm()
            return await act(client)
        finally:
            await client.aclose()

    return asyncio.run(live())


async def whole(client: Client) -> Completion:
    return await client.complete(PROMPT)


async def streamed(client: Client) -> list[Chunk]:
    return [chunk async for chunk in client.stream(PROMPT)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_whole_answer_is_a_verdict_with_the_providers_figures(
    simulator: RunningSimulator, provider: str
) -> None:
    """Text and usage come through the SDK as the ledger has them, in one request."""
    completion = run(client_of(simulator, provider), whole)
    (entry,) = simulator.ledger()
    assert parse(completion.text, provider).key_findings
    assert completion.usage == Usage(entry["prompt_tokens"], entry["completion_tokens"])
    assert completion.usage.prompt_tokens == (len(PROMPT.system) + 1 + len(PROMPT.user) + 1) // 2
    assert completion.model == entry["model"]
    assert (entry["outcome"], entry["status"], entry["streamed"], entry["aborted"]) == (
        "ok",
        200,
        False,
        False,
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_is_the_whole_answer_in_pieces(simulator: RunningSimulator, provider: str) -> None:
    """The pieces add up to the whole text, and the last one alone is said to be it, with the same usage."""
    simulator.script(piece_chars=5)
    completion = run(client_of(simulator, provider), whole)
    chunks = run(client_of(simulator, provider), streamed)
    assert "".join(chunk.text for chunk in chunks) == completion.text
    assert len(chunks) >= len(completion.text) // 5
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage == completion.usage
    assert [entry["streamed"] for entry in simulator.ledger()] == [False, True]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_aborted_stream_ends_at_the_provider_too(simulator: RunningSimulator, provider: str) -> None:
    """Who closes the stream closes the request, at once: no garbage is collected, no client closed before the
    ledger sees it leave."""
    simulator.fail(provider, outcome="stall")

    async def leave(client: Client) -> list[dict[str, Any]]:
        async with aclosing(client.stream(PROMPT)) as chunks:
            assert await anext(chunk.text async for chunk in chunks if chunk.text)
        return await asyncio.to_thread(simulator.ledger)

    gc.disable()
    try:
        (entry,) = run(client_of(simulator, provider), leave)
    finally:
        gc.enable()
    assert (entry["outcome"], entry["aborted"]) == ("stall", True)
    assert entry["first_byte_seconds"] <= entry["duration_seconds"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_that_takes_too_long_is_a_timeout(simulator: RunningSimulator, provider: str) -> None:
    """The timeout is for all of the attempt: pieces that keep coming do not stretch it."""
    simulator.script(piece_chars=1, pace_seconds=0.05)
    with pytest.raises(LLMError) as caught:
        run(client_of(simulator, provider, timeout=0.6), streamed)
    assert caught.value.kind == "timeout"
    assert [entry["aborted"] for entry in simulator.ledger()] == [True]


@pytest.mark.parametrize("way", [whole, streamed])
@pytest.mark.parametrize(("failure", "kind"), FAILURES, ids=str)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_failure_has_its_kind_after_one_request(
    simulator: RunningSimulator,
    provider: str,
    failure: dict[str, Any],
    kind: str | None,
    way: Callable[[Client], Awaitable[object]],
) -> None:
    """One LLMError of the right kind, one request in the ledger (no hidden retry), no text of ours in it."""
    simulator.fail(provider, **failure)
    client = client_of(simulator, provider, timeout=0.6 if failure["outcome"] in ("hang", "stall") else 10.0)
    if kind is None:
        run(client, way)
    else:
        with pytest.raises(LLMError) as caught:
            run(client, way)
        error = caught.value
        assert (error.provider, error.kind) == (provider, kind)
        assert SECRET_WORD not in str(error)
        assert KEY not in str(error)
        assert (error.__cause__, error.__context__) == (None, None)
    assert [entry["outcome"] for entry in simulator.ledger()] == [failure["outcome"]]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_empty_answer_still_tells_its_tokens(simulator: RunningSimulator, provider: str) -> None:
    """The error carries the usage, so that tokens that were billed can be counted."""
    simulator.fail(provider, outcome="empty")
    with pytest.raises(LLMError) as caught:
        run(client_of(simulator, provider), whole)
    (entry,) = simulator.ledger()
    assert caught.value.usage == Usage(entry["prompt_tokens"], 0)
    assert entry["prompt_tokens"] > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_port_where_nobody_listens_is_a_connection_error(
    simulator: RunningSimulator, provider: str
) -> None:
    """No server at all, told at once."""
    client = client_of(simulator, provider, simulator_url="http://127.0.0.1:9")
    with pytest.raises(LLMError) as caught:
        run(client, whole)
    assert caught.value.kind == "connection"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_neither_prompt_nor_answer_nor_key_is_logged(
    simulator: RunningSimulator, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with every logger at DEBUG, where SDKs print their requests."""
    caplog.set_level(logging.DEBUG)
    run(client_of(simulator, provider), whole)
    simulator.fail(provider, outcome="server")
    with pytest.raises(LLMError):
        run(client_of(simulator, provider), streamed)
    assert SECRET_WORD not in caplog.text
    assert "근거는" not in caplog.text
    assert KEY not in caplog.text


def test_a_client_serves_many_attempts_at_once(simulator: RunningSimulator) -> None:
    """Twenty attempts on one cold client: one SDK client, twenty answers, twenty requests."""

    async def many(client: Client) -> list[Completion]:
        return await asyncio.gather(*(client.complete(PROMPT) for _ in range(20)))

    async def live() -> tuple[list[Completion], object]:
        client = client_of(simulator, "openai")
        assert isinstance(client, SdkClient)
        completions = await many(client)
        await client.aclose()
        return completions, client._sdk

    completions, sdk = asyncio.run(live())
    assert len({completion.text for completion in completions}) == 1
    assert len(simulator.ledger()) == 20
    assert sdk is None


def test_the_prompt_of_another_kind_asks_for_no_json(simulator: RunningSimulator) -> None:
    """`json` is a wish of the prompt: without it the request is plain, and every provider answers it."""
    for provider in PROVIDERS:
        client = client_of(simulator, provider)
        assert run(client, lambda one: one.complete(Prompt("짧게", "안녕하세요"))).text
