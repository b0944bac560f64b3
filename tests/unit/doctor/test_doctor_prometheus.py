"""The client of Prometheus, against servers that answer as one does, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from support.http_server import QuietHandler, http_server
from support.servers import free_port

from telemetry.doctor.prometheus import Prometheus, PrometheusError, QueryError, Sample


@contextmanager
def answering(status: int, body: Any) -> Iterator[tuple[Prometheus, list[dict[str, list[str]]]]]:
    """A client of a server that answers so, and the forms that it was sent."""
    forms: list[dict[str, list[str]]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            forms.append(parse_qs(self.body().decode()))
            self.do_GET()

        def do_GET(self) -> None:
            text = body if isinstance(body, str) else json.dumps(body)
            self.answer(status, text.encode(), Content_Type="application/json")

    with http_server(Handler) as url:
        yield Prometheus(url, 2), forms


def success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


@pytest.mark.server
def test_a_query_answers_every_series() -> None:
    """Vectors with their labels, scalars without; a long expression goes as a form."""
    vector = success("vector", [{"metric": {"category": "chair"}, "value": [0, "2.5"]}])
    expr = "x + " * 10_000 + "x"
    with answering(200, vector) as (client, forms):
        assert client.query(expr, at=12.5) == [Sample({"category": "chair"}, 2.5)]
    assert forms == [{"query": [expr], "time": ["12.5"]}]
    with answering(200, success("scalar", [0, "17"])) as (client, _):
        assert client.query("time()") == [Sample({}, 17.0)]
        assert client.result("time()") == ("scalar", [0, "17"])


@pytest.mark.server
def test_prometheus_own_words_are_passed_on() -> None:
    """Where it refuses: a kind of error of its own."""
    answer = {"status": "error", "error": "parse error"}
    with answering(400, answer) as (client, _), pytest.raises(QueryError) as refused:
        client.query("x")
    assert refused.value.reason == "parse error"
    assert str(refused.value) == f"{client.url}/api/v1/query: parse error"


@pytest.mark.parametrize(("status", "body"), [(502, "<html>"), (200, {"status": "success"}), (200, "[1]")])
@pytest.mark.server
def test_what_is_no_answer_of_a_prometheus_is_told_as_such(status: int, body: Any) -> None:
    """With the address, the status and the type."""
    with answering(status, body) as (client, _), pytest.raises(PrometheusError) as error:
        client.query("x")
    assert not isinstance(error.value, QueryError)
    expected = f"{status} with application/json, which is no answer of a Prometheus"
    assert str(error.value) == f"{client.url}/api/v1/query: {expected}"


@pytest.mark.server
def test_an_address_at_which_nobody_listens_is_told() -> None:
    """In a few words, without a password of the address."""
    port = free_port()
    with pytest.raises(PrometheusError) as error:
        Prometheus(f"http://me:s3cret@127.0.0.1:{port}").query("x")
    assert str(error.value) == f"http://127.0.0.1:{port}/api/v1/query: connection refused"
