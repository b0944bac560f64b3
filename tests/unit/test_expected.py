"""What is said of a body that is refused: the field and what was expected, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded

OBJECT = "expected a JSON object, sent as application/json"
JSON = {"content-type": "application/json"}


def refused(client: TestClient, status: int, body: bytes) -> Any:
    answer = client.post("/api/sessions/none/turns", content=body, headers=JSON)
    assert answer.status_code == status
    return answer.json()["detail"]


@pytest.fixture
def client(state_dir: Path, metrics: Recorded) -> Iterator[TestClient]:
    with TestClient(create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "type_", "loc", "msg"),
    [
        (b"", "missing", ["body"], "body: expected a value, and it is missing"),
        (b"{", "json_invalid", ["body", 1], "body: expected JSON, and it cannot be read as such ({error})"),
        (b"[]", "model_attributes_type", ["body"], f"body: {OBJECT}"),
        (b"{}", "missing", ["body", "answer"], "answer: expected a value, and it is missing"),
        (b'{"answer": 1}', "string_type", ["body", "answer"], "answer: expected a text"),
        (b'{"answer": null}', "string_type", ["body", "answer"], "answer: expected a text"),
        (
            b'{"answer": " "}',
            "string_too_short",
            ["body", "answer"],
            "answer: expected 1 or more characters that can be seen",
        ),
        (
            b'{"answer": "%b"}' % (b"a" * 2_001),
            "string_too_long",
            ["body", "answer"],
            "answer: expected 2000 characters or fewer",
        ),
        (
            b'{"answer": "\\ud800"}',
            "string_unicode",
            ["body", "answer"],
            "answer: expected a text without halves of characters (lone surrogates)",
        ),
        (
            b'{"answer": "a", "question_id": []}',
            "string_type",
            ["body", "question_id"],
            "question_id: expected a text",
        ),
    ],
)
def test_a_refusal_names_the_field_and_what_was_expected(
    client: TestClient, body: bytes, type_: str, loc: list[Any], msg: str
) -> None:
    (told,) = refused(client, 422, body)
    why = "Expecting property name enclosed in double quotes"
    assert told == {"type": type_, "loc": loc, "msg": msg.format(error=why)}


def test_a_query_is_refused_alike(client: TestClient) -> None:
    (told,) = client.delete("/api/sessions/none?reason=boredom").json()["detail"]
    assert told["msg"] == "reason: expected timeout or browser_close"


@pytest.mark.parametrize("body", [b'{"answer": "\xff"}', b"[" * 10_000, b"1" * 5_000])
def test_a_body_that_no_parser_takes_is_told_so(client: TestClient, body: bytes) -> None:
    assert refused(client, 400, body) == "body: expected JSON in UTF-8, neither deep nor with endless numbers"
