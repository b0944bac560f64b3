"""What the API gives to pages is plain text, whoever wrote it: a model, a review, a file of factors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from support.live import serving
from support.streams import PRODUCT, StreamingShop, shop, turns_of

from app.llm.simulator.testing import RunningSimulator
from app.settings import DATABASE
from telemetry.testing import Recorded

EVIL = "<script>alert(1)</script>\0\u202e\x1b"
SHOWN = "‹script>alert(1)‹/script>"
WRITTEN = (
    ("products", "name", "?"),
    ("mentions", "excerpt", "?"),
    ("factors", "content", "json_set(content, '$.display_name', ?)"),
    ("questions", "content", "json_set(content, '$.question_text', ?)"),
)


async def provider(scope: Any, receive: Any, send: Any) -> None:
    """An OpenAI-compatible server whose message is a list of parts; it never streams."""
    await Request(scope, receive).body()
    said = {"summary": f"5 < 7 {EVIL}", "recommendation": EVIL, "key_findings": [EVIL]}
    message = {"role": "assistant", "content": [{"type": "text", "text": json.dumps(said)}]}
    usage = {"prompt_tokens": 10**308, "completion_tokens": 5}
    await JSONResponse({"choices": [{"index": 0, "message": message}], "usage": usage})(scope, receive, send)


@pytest.fixture
def open_shop(
    state_dir: Path, sample_store: Path, tmp_path: Path, metrics: Recorded, simulator: RunningSimulator
) -> Iterator[StreamingShop]:
    """A service whose store and whose provider are full of what no page should get."""
    (tmp_path / "turns").mkdir()
    turns = turns_of(sample_store, tmp_path / "turns")
    with sqlite3.connect(state_dir / DATABASE) as store:
        for table, column, value in WRITTEN:
            store.execute(f"UPDATE {table} SET {column} = {value}", (EVIL,))  # noqa: S608 - ours
    with serving(provider) as url:
        settings = {"openai_base_url": f"{url}/v1", "OPENAI_API_KEY": "k", "simulator_url": None}
        with shop(state_dir, metrics, simulator, turns, providers="openai", **settings) as running:
            yield running


def assert_plain(text: str) -> None:
    """No tag, and no control but the line breaks of a body."""
    assert "<script" not in text
    assert not [code for code in ("\\u0000", "\\u001b", "\u202e", "\0", "\x1b") if code in text]


def test_no_answer_of_the_api_holds_markup_or_controls(open_shop: StreamingShop, metrics: Recorded) -> None:
    """Products, questions, scores, excerpts and the verdict; a "<" in prose is still one."""
    path = open_shop.up_to_the_last()
    final = open_shop.http.post(path, json={"answer": "소음이 제일 걱정돼요"})
    assert final.status_code == 200
    analysis = final.json()["analysis"]
    assert (analysis["provider"], analysis["status"]) == ("openai", "success")
    assert analysis["summary"] == f"5 < 7 {SHOWN}"
    assert (analysis["recommendation"], analysis["key_findings"]) == (SHOWN, [SHOWN])
    assert {one["excerpt"] for one in analysis["evidence"]} == {SHOWN}
    page = open_shop.http.get(f"/api/products/{PRODUCT}")
    assert (page.json()["name"], page.json()["factors"][0]["display_name"]) == (SHOWN, SHOWN)
    for answer in (final, page, open_shop.http.get(path.removesuffix("/turns"))):
        assert_plain(answer.text)
    assert metrics.value("llm_tokens_total", provider="openai", type="completion") == 5
    assert metrics.value("llm_tokens_estimated_total", provider="openai", type="prompt") > 0
    assert metrics.value("llm_tokens_total", provider="openai", type="prompt") < 10_000


def test_what_is_no_stream_is_answered_all_the_same(open_shop: StreamingShop, metrics: Recorded) -> None:
    """A provider that never streams: the template's verdict, plain too, and one error that adds up."""
    heard = open_shop.verdict()
    assert heard.result["analysis"]["provider"] == "template"
    assert_plain(json.dumps(heard.events, ensure_ascii=False))
    assert metrics.value("llm_calls_total", provider="openai", status="error") == 1
    assert metrics.value("errors_total", error_type="invalid_response", component="llm") == 1
