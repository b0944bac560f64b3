"""Shoppers who leave a stream: the upstream call stops, both books agree, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support.metrics_page import value_or_zero
from support.servers import wait_for
from support.streams import (
    ANSWER,
    EVENTS,
    PRODUCT,
    TURN,
    StreamingShop,
    assert_tokens_agree,
    estimated,
    shop,
    stalled,
    turns_of,
)

from app.llm.settings import PROVIDERS
from app.llm.simulator.answers import tokens
from app.llm.simulator.testing import RunningSimulator
from telemetry.testing import Recorded


@pytest.fixture(scope="module")
def turns(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    return turns_of(sample_store, tmp_path_factory.mktemp("turns"))


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_shop(
    state_dir: Path, metrics: Recorded, simulator: RunningSimulator, turns: int, provider: str
) -> Iterator[StreamingShop]:
    with shop(state_dir, metrics, simulator, turns, providers=provider) as running:
        yield running


def left(metrics: Recorded) -> float:
    """Streams that the middleware counted as left."""
    return value_or_zero(metrics, "http_streams_aborted_total", **TURN)


def leave(
    open_shop: StreamingShop,
    metrics: Recorded,
    simulator: RunningSimulator,
    of: Callable[[str], int] = tokens,
) -> tuple[str, Any]:
    """Leave a last turn's stream when all has come that comes: its path, and the ledger's entry.

    `of`: the tokens of a text by the ledger's account.
    """
    path, before = open_shop.up_to_the_last(), left(metrics)
    with open_shop.streaming(path) as heard:
        told = stalled(simulator)
        while not heard.text or of(heard.text) < told["completion_tokens"]:
            next(heard.read())
    wait_for("the stream to be counted as left", lambda: left(metrics) == before + 1)
    return path, simulator.ledger()[-1]


def assert_left(metrics: Recorded, simulator: RunningSimulator, provider: str) -> None:
    """One attempt, no error of anybody's, and the tokens that the ledger has."""
    assert value_or_zero(metrics, "llm_calls_total", provider=provider, status="success") == 1
    assert metrics.total("llm_calls_total") == 1
    assert metrics.total("errors_total") == 0
    assert value_or_zero(metrics, "llm_streams_aborted_total", provider=provider) == 1
    assert metrics.count("llm_duration_seconds", provider=provider) == 1
    assert_tokens_agree(metrics, simulator)


def test_amid_the_words(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator, provider: str
) -> None:
    """Half of the answer: its tokens are those that the ledger has sent; what was not told is estimated."""
    simulator.fail(provider, outcome="stall")
    path, entry = leave(open_shop, metrics, simulator)
    assert entry["aborted"]
    assert entry["completion_tokens"] > 10
    assert_left(metrics, simulator, provider)
    unknown = {
        "gemini": (0, 0),  # tells both with every piece
        "claude": (0, entry["completion_tokens"]),  # tells the prompt at the beginning
        "openai": (entry["prompt_tokens"], entry["completion_tokens"]),  # tells all at the end
    }
    assert estimated(metrics, provider) == unknown[provider]
    assert value_or_zero(metrics, "dialogue_completions_total", category=PRODUCT) == 0
    simulator.script(provider)
    with open_shop.streaming(path) as again:
        assert again.to_the_end().result["analysis"]["provider"] == provider
    assert value_or_zero(metrics, "dialogue_completions_total", category=PRODUCT) == 1
    assert value_or_zero(metrics, "dialogue_turns_total", category=PRODUCT) == open_shop.turns


def test_the_rate_of_the_last_whole_answer_is_that_of_what_is_cut_off(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator, provider: str
) -> None:
    """A provider whose tokens are other than ours has told so before: the estimate is its ledger's figure."""
    figures = {"prompt_tokens": 3_333, "completion_tokens": 777}
    simulator.script(provider, **figures)
    length = len(open_shop.verdict().text)
    simulator.script(provider, **figures, failures=[{"outcome": "stall"}])
    _, entry = leave(open_shop, metrics, simulator, lambda text: round(777 * len(text) / length))
    assert entry["prompt_tokens"] == 3_333
    assert 0 < entry["completion_tokens"] < 777
    assert_tokens_agree(metrics, simulator)


def test_before_a_byte(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator, provider: str
) -> None:
    """Nothing has come, so nothing is counted but the attempt; there is no time to a first byte."""
    simulator.fail(provider, outcome="hang")
    with open_shop.streaming(open_shop.up_to_the_last()):
        wait_for("the request to be in the ledger", simulator.entries)
    wait_for("the stream to be counted as left", lambda: left(metrics) == 1)
    (entry,) = simulator.ledger()
    assert (entry["aborted"], entry["first_byte_seconds"]) == (True, None)
    assert_left(metrics, simulator, provider)
    assert metrics.count("llm_first_byte_seconds", provider=provider) == 0
    assert value_or_zero(metrics, "http_first_byte_seconds_count", **TURN) == 0
    assert metrics.total("llm_tokens_total") == 0


@pytest.mark.parametrize("provider", ["gemini"], indirect=True)
def test_at_the_first_byte(open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator) -> None:
    """One piece has come, and one piece is counted."""
    simulator.script("gemini", pace_seconds=60, piece_chars=7)
    _, entry = leave(open_shop, metrics, simulator)
    assert (entry["aborted"], entry["completion_tokens"]) == (True, 4)
    assert_left(metrics, simulator, "gemini")
    assert metrics.count("llm_first_byte_seconds", provider="gemini") == 1
    assert value_or_zero(metrics, "http_first_byte_seconds_count", **TURN) == 1


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_thirty_who_leave_leave_nothing_behind(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """No task goes on, no connection to the provider stays, and each is counted once."""
    simulator.fail("openai", outcome="stall")
    _, entry = leave(open_shop, metrics, simulator)
    paths = [open_shop.up_to_the_last() for _ in range(30)]
    before = working(open_shop)

    async def go_and_leave(path: str) -> None:
        async with (
            httpx.AsyncClient(base_url=open_shop.url, trust_env=False) as http,
            http.stream("POST", path, json={"answer": ANSWER}, headers=EVENTS) as response,
        ):
            text = ""
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    text += json.loads(line[6:])["text"]
                if tokens(text) == entry["completion_tokens"]:
                    return

    async def all_at_once() -> None:
        await asyncio.gather(*map(go_and_leave, paths))

    asyncio.run(all_at_once())
    wait_for("all to be counted as left", lambda: left(metrics) == 31)
    assert sum(entry["aborted"] for entry in simulator.ledger()) == 31
    wait_for("the tasks to end", lambda: working(open_shop) <= before)
    port = simulator.url.rsplit(":", 1)[1]
    wait_for("connections to the provider to close", lambda: connections(int(port)) <= 2)
    assert value_or_zero(metrics, "llm_streams_aborted_total", provider="openai") == 31
    assert_tokens_agree(metrics, simulator)


def working(open_shop: StreamingShop) -> int:
    """How many tasks the service's event loop has."""
    return len(asyncio.all_tasks(open_shop.app.state.loop))


def connections(port: int) -> int:
    """How many established connections lead to a local port; the test's own client has one."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


async def answer(open_shop: StreamingShop, path: str, send: Any) -> None:
    """Give the last answer to the application itself, through a server that is `send`."""
    body = [{"type": "http.request", "body": f'{{"answer": "{ANSWER}"}}'.encode(), "more_body": False}]

    async def receive() -> Any:
        return body.pop() if body else await anyio.sleep_forever()

    headers = [(b"accept", b"text/event-stream"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "root_path": "", "query_string": b""}
    await open_shop.app({**scope, "headers": headers}, receive, send)


@pytest.mark.parametrize("provider", ["claude"], indirect=True)
def test_a_server_that_raises_when_the_client_has_left(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """So newer ASGI servers tell it: the upstream call stops, and nothing is unhandled."""
    simulator.fail("claude", outcome="stall")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client has left")

    asyncio.run(answer(open_shop, open_shop.up_to_the_last(), send))
    assert [entry["aborted"] for entry in simulator.ledger()] == [True]
    assert left(metrics) == 1
    assert metrics.total("errors_total") == 0


@pytest.mark.parametrize("provider", ["gemini"], indirect=True)
def test_a_slow_reader_keeps_no_provider_waiting(
    open_shop: StreamingShop, metrics: Recorded, simulator: RunningSimulator
) -> None:
    """Nothing is taken off the server's hands until the provider is done; then all of it comes."""
    path = open_shop.up_to_the_last()
    sent: list[Any] = []
    seconds: list[float] = []

    async def run() -> None:
        may_go = anyio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await may_go.wait()
            sent.append(message)

        async with anyio.create_task_group() as group:
            group.start_soon(answer, open_shop, path, send)
            await anyio.to_thread.run_sync(
                wait_for,
                "the provider to be counted",
                lambda: metrics.count("llm_duration_seconds", provider="gemini") == 1,
            )
            seconds.append(metrics.sum("llm_duration_seconds", provider="gemini"))
            assert [message["type"] for message in sent] == ["http.response.start"]
            may_go.set()

    asyncio.run(run())
    body = b"".join(message.get("body", b"") for message in sent).decode()
    assert body.count("event: result") == 1
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert [metrics.sum("llm_duration_seconds", provider="gemini")] == seconds
    assert_tokens_agree(metrics, simulator)
