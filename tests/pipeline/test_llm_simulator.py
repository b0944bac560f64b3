"""The simulator as a server: three protocols over plain HTTP, its control, and its command."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.llm.simulator.testing import RunningSimulator

CHAT = {"model": "m", "messages": [{"role": "user", "content": "안녕"}]}
MESSAGES = {**CHAT, "max_tokens": 10}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "안녕"}]}]}
# Path, a good body, and the headers with a key, by provider.
REQUESTS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "gemini": ("/v1beta/models/m:generateContent", CONTENTS, {"x-goog-api-key": "k"}),
    "openai": ("/v1/chat/completions", CHAT, {"authorization": "Bearer k"}),
    "claude": ("/v1/messages", MESSAGES, {"x-api-key": "k"}),
}
STRANGE = {"model": "m", "max_tokens": 9, "messages": ["안녕"], "contents": [7], "stream_options": "yes"}
SERVE = "import typer; from app.llm.command import llm_simulator; typer.run(llm_simulator)"


@pytest.fixture
def http(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, trust_env=False) as client:
        yield client


def post(http: httpx.Client, provider: str, body: Any = None, **headers: str) -> httpx.Response:
    path, good, key = REQUESTS[provider]
    return http.post(path, json=good if body is None else body, headers=headers or key)


def test_each_provider_answers_in_its_own_shape(http: httpx.Client) -> None:
    """The same text to all, its usage where each protocol has it: two characters are a token."""
    openai = post(http, "openai").json()
    claude = post(http, "claude").json()
    gemini = post(http, "gemini").json()
    texts = {
        openai["choices"][0]["message"]["content"],
        claude["content"][0]["text"],
        gemini["candidates"][0]["content"]["parts"][0]["text"],
    }
    (text,) = texts
    made = -(-len(text) // 2)
    assert openai["usage"] == {"prompt_tokens": 1, "completion_tokens": made, "total_tokens": 1 + made}
    assert (claude["usage"]["input_tokens"], claude["usage"]["output_tokens"]) == (1, made)
    assert gemini["usageMetadata"] == {
        "promptTokenCount": 1,
        "candidatesTokenCount": made,
        "totalTokenCount": 1 + made,
    }


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("gemini", {"error": {"code": 400, "status": "INVALID_ARGUMENT"}}),
        ("openai", {"error": {"type": "invalid_request_error", "param": None, "code": None}}),
        (
            "claude",
            {"type": "error", "error": {"type": "invalid_request_error"}, "request_id": "req_simulated"},
        ),
    ],
)
@pytest.mark.parametrize("body", [{}, [], {"messages": "안녕", "contents": "안녕"}, STRANGE])
def test_a_bad_request_is_refused_in_the_providers_words(
    simulator: RunningSimulator, http: httpx.Client, provider: str, expected: dict[str, Any], body: Any
) -> None:
    """Status 400, the provider's error body with a message that says what is expected, and a ledger entry."""
    answer = post(http, provider, body)
    told = answer.json()
    assert "expected" in told["error"].pop("message")
    assert (answer.status_code, told) == (400, expected)
    assert [entry["outcome"] for entry in simulator.ledger()] == ["invalid_request"]


@pytest.mark.parametrize("provider", REQUESTS)
def test_without_a_key_nobody_answers(simulator: RunningSimulator, http: httpx.Client, provider: str) -> None:
    """As with the real ones: 401, and in the ledger."""
    assert post(http, provider, user="nobody").status_code == 401
    assert [(entry["outcome"], entry["status"]) for entry in simulator.ledger()] == [("auth", 401)]


def test_an_openai_stream_has_usage_only_when_asked_for(http: httpx.Client) -> None:
    """stream_options.include_usage adds one event without choices before [DONE]."""
    plain = post(http, "openai", {**CHAT, "stream": True}).text
    asked = post(http, "openai", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}).text
    assert '"usage":{' not in plain
    assert json.loads(asked.split("data: ")[-2])["choices"] == []
    assert asked.endswith("data: [DONE]\n\n")


def test_a_stream_keeps_its_pace_and_latency(simulator: RunningSimulator, http: httpx.Client) -> None:
    """The ledger's duration is at least the latency and the pauses between the frames."""
    simulator.script("claude", latency_seconds=0.1, pace_seconds=0.01, piece_chars=40)
    frames = post(http, "claude", {**MESSAGES, "stream": True}).text.count("event: ")
    (entry,) = simulator.ledger()
    assert entry["duration_seconds"] >= 0.1 + 0.01 * (frames - 1)


def test_control_is_for_one_provider_or_for_all(simulator: RunningSimulator, http: httpx.Client) -> None:
    """What was set can be read back; a wrong script or provider is refused and changes nothing."""
    assert http.put("/control", json={"latency_seconds": 0.5}).status_code == 204
    assert http.put("/control/openai", json={"failures": [{"outcome": "hang", "next": 1}]}).status_code == 204
    scripts = http.get("/control").json()
    assert {one: script["latency_seconds"] for one, script in scripts.items()} == {
        "gemini": 0.5,
        "openai": 0.0,
        "claude": 0.5,
    }
    assert http.put("/control/openai", json={"latency": 0.5}).status_code == 422
    assert http.put("/control/mistral", json={}).status_code == 422
    assert http.get("/control").json() == scripts


def test_the_ledger_can_be_emptied(simulator: RunningSimulator, http: httpx.Client) -> None:
    """DELETE forgets entries and totals."""
    post(http, "gemini")
    assert simulator.totals()["gemini"]["requests"] == 1
    assert http.delete("/ledger").status_code == 204
    assert http.get("/ledger").json() == {"totals": {}, "entries": []}


def test_requests_do_not_wait_for_each_other(simulator: RunningSimulator) -> None:
    """Fifty requests of 0.2 s at once take far less than ten seconds."""
    simulator.script(latency_seconds=0.2)
    path, body, key = REQUESTS["openai"]

    async def many() -> list[int]:
        async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http:
            answers = await asyncio.gather(
                *(http.post(path, json=body, headers=key) for _ in range(50)), return_exceptions=False
            )
        return [answer.status_code for answer in answers]

    assert asyncio.run(many()) == [200] * 50
    entries = simulator.ledger()
    assert max(entry["at"] for entry in entries) - min(entry["at"] for entry in entries) < 5


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    """It listens on loopback, says where, plays the script of its options, and ends cleanly on SIGTERM."""
    command = [sys.executable, "-c", SERVE, "--port", "0", "--latency", "0.01", "--seed", "7"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "ok"}
            script = httpx.get(f"{url}/control", trust_env=False).json()["claude"]
            assert (script["latency_seconds"], script["seed"]) == (0.01, 7)
        finally:
            process.send_signal(signal.SIGTERM)
        assert "Finished server process" in process.stderr.read()
    assert process.returncode in (0, -signal.SIGTERM)
