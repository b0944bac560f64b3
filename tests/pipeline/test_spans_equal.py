"""Our spans are those of opentelemetry-instrumentation-fastapi, and come at the same moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
)
from support.twin_app import twin
from support.twins import BODY, GONE, Journal, Side, drive, layers, provider, request, traced

from telemetry.spans.layer import Spans

HOST = ("host", "shop.test:8000")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
DROPPED = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00")


class Looking(Sampler):
    """One's own: looks at all it is given, tells the journal, hands nothing on."""

    def __init__(self, journal: Journal, decision: Decision) -> None:
        self._journal, self._decision = journal, decision

    def should_sample(self, parent_context: Any, trace_id: int, name: str, *given: Any) -> SamplingResult:
        kind, attributes, links = given
        self._journal.append(("sampler", trace_id, name, kind, list((attributes or {}).items()), list(links)))
        return SamplingResult(self._decision)

    def get_description(self) -> str:
        return "looks"


SAMPLERS = {
    "on": lambda _: ALWAYS_ON,
    "off": lambda _: ALWAYS_OFF,
    "parent": lambda _: DEFAULT_ON,
    "ratio": lambda _: ParentBasedTraceIdRatio(0.4),
    "own": lambda journal: Looking(journal, Decision.RECORD_AND_SAMPLE),
    "own, off": lambda journal: Looking(journal, Decision.DROP),
}


def get(path: str, *headers: Any, **changes: Any) -> dict[str, Any]:
    return request(path=path, headers=[HOST, ("user-agent", "curl/8"), *headers], **changes)


CASES: dict[str, dict[str, Any]] = {
    "route": get("/items/5"),
    "its parameter is wrong": get("/items/x"),
    "end point in a thread": get("/items/5", method="PUT"),
    "method that the path has not": get("/items/5", method="DELETE"),
    "method in small letters": get("/items/5", method="get"),
    "method nobody knows": get("/items/5", method="BREW"),
    "no method": get("/items/5", method=""),
    "options": get("/items/5", method="OPTIONS"),
    "no route": get("/nowhere"),
    "slash missing": get("/slash"),
    "slash": get("/slash/"),
    "204": get("/status/204"),
    "304": get("/status/304"),
    "500 by the end point": get("/status/500"),
    "599": get("/status/599"),
    "refused": get("/refused/403"),
    "refused, 503": get("/refused/503"),
    "handled exception": get("/odd"),
    "exception": get("/failing"),
    "exception in a middleware": get("/items/5", ("x-break", "1")),
    "cancelled": get("/cancelled"),
    "the end point's own name and status": get("/renamed"),
    "answered before routing": get("/items/5", ("x-short", "1")),
    "answered in an http middleware": get("/v1/inner/many", ("x-through", "0")),
    "through an http middleware": get("/items/5", ("x-through", "1")),
    "exception through an http middleware": get("/failing", ("x-through", "1")),
    "stream that fails, through one": get("/stream", ("x-through", "1"), query_string=b"fail=true"),
    "task, through one": get("/task", ("x-through", "1"), query_string=b"fail=true"),
    "stream": get("/stream"),
    "stream that fails": get("/stream", query_string=b"fail=true"),
    "stream, client lost": get("/stream", lost=True),
    "answer, client lost": get("/items/5", lost=True),
    "background task": get("/task"),
    "background task that fails": get("/task", query_string=b"fail=true"),
    "background tasks": get("/tasks"),
    "included": get("/v1/inner/many", method="POST"),
    "included, other method": get("/v1/inner/many", method="PATCH"),
    "included deeper": get("/v1/inner/deeper/x"),
    "mounted": get("/sub/a/deep/5"),
    "mounted, no route": get("/sub/a/none"),
    "mounted at the root": get("/last"),
    "starlette's own route": get("/files/a/b"),
    "documentation": get("/docs"),
    "below a prefix": get("/api/items/5", root_path="/api"),
    "the prefix itself": get("/api", root_path="/api"),
    "prefix taken off": get("/items/5", root_path="/api"),
    "no headers": request(path="/items/5", headers=[]),
    "empty host": request(path="/items/5", headers=[("host", "")]),
    "two hosts": get("/items/5", ("host", "b.test")),
    "header names in capitals": request(path="/items/5", headers=[("Host", "a.test"), ("User-Agent", "x")]),
    "port 80": get("/items/5", server=("127.0.0.1", 80)),
    "port 80, no host": request(path="/items/5", headers=[], server=("127.0.0.1", 80)),
    "unix socket": get("/items/5", server=("/run/api.sock", None), client=None),
    "no server, no client": request(path="/items/5", headers=[], server=None, client=None),
    "client without port": get("/items/5", client=("testclient", 0)),
    "http/2, https": get("/items/5", scheme="https", http_version="2"),
    "query": get("/items/5", query_string=b"q=%EB%A8%BC%EC%A7%80&n=1+2"),
    "secrets in the query": get("/items/5", query_string=b"Signature=abc&AWSAccessKeyId=d&x=1"),
    "secret, encoded twice": get("/items/5", query_string=b"%2573ig=abc"),
    "credentials": request(path="/items/5", headers=[("host", "me:secret@shop.test")]),
    "odd path": get("/ite?ms/@5#%"),
    "korean path": get("/files/먼지"),
    "bot": get("/items/5", ("user-agent", "x")) | {"headers": [(b"user-agent", b"Googlebot/2.1")]},
    "test agent": request(path="/items/5", headers=[("user-agent", "AlwaysOn/1")]),
    "agent in latin-1": request(path="/items/5", headers=[(b"user-agent", b"caf\xe9")]),
    "agent with an escape": request(path="/items/5", headers=[(b"user-agent", b"caf\xe9\\x41")]),
    "parent, sampled": get("/items/5", SAMPLED, ("tracestate", "a=1,b=2")),
    "parent, dropped": get("/items/5", DROPPED),
    "parent, tracestate in two": get("/items/5", SAMPLED, ("tracestate", "a=1"), ("tracestate", "b=2")),
    "parent, sampled, failing": get("/failing", SAMPLED),
    "parent, malformed": get("/items/5", ("traceparent", f"00-{TRACE}-xyz-01")),
    "parent, of zeros": get("/items/5", ("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01")),
    "parent, version ff": get("/items/5", ("traceparent", f"ff-{TRACE}-00f067aa0ba902b7-01")),
    "two parents": get("/items/5", SAMPLED, DROPPED),
    "client gone": get("/listening"),
    "baggage": get("/items/5", ("baggage", "user=7,plan=pro")),
    "baggage and parent": get("/task", DROPPED, ("baggage", "user=7")),
}
for case, path in {"websocket": "/ws/a", "websocket, no route": "/none"}.items():
    CASES[case] = get(path, type="websocket", scheme="ws", subprotocols=[])
    del CASES[case]["method"]
INCOMING: dict[str, Sequence[Any]] = {
    "client gone": (BODY, GONE),
    "websocket": ({"type": "websocket.connect"},),
}


def journals(side: Side, sampler: str) -> dict[str, Journal]:
    """What each case leaves, one after the other in one application."""
    journal: Journal = []
    by = provider(SAMPLERS[sampler](journal), journal)
    with traced(side, twin(journal, by), by) as app:
        return {
            case: drive(app, journal, scope, INCOMING.get(case, (BODY,))) for case, scope in CASES.items()
        }


@pytest.fixture(scope="module")
def kept() -> dict[str, tuple[dict[str, Journal], dict[str, Journal]]]:
    """Both sides' journals, by sampler."""
    return {}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("case", CASES)
def test_spans_are_the_official_ones(kept: Any, sampler: str, case: str) -> None:
    """Whole spans, their moments, what is sent, and what is current for all that the application runs."""
    if sampler not in kept:
        kept[sampler] = journals("official", sampler), journals("ours", sampler)
    official, ours = kept[sampler]
    assert ours[case] == official[case]
    assert any(entry[0] in {"sent", "raised", "seen"} for entry in ours[case])


def test_there_is_something_to_compare(kept: Any) -> None:
    """The two sides are two; spans are there, and start, end and lack where they should."""
    by = provider(ALWAYS_ON, [])
    with traced("ours", twin([], by), by) as app:
        assert Spans in layers(app)
    with traced("official", twin([], by), by) as app:
        assert Spans not in layers(app)
    ours = {sampler: journals("ours", sampler) for sampler in ("on", "off")}
    for case in CASES:
        kinds = [entry[0] for entry in ours["on"][case]]
        assert kinds.count("start") == kinds.count("end") >= 1
        assert "start" not in [entry[0] for entry in ours["off"][case]]


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW", "get", " GET"])
WORDS = st.sampled_from(
    ["items", "5", "status", "404", "502", "v1", "inner", "many", "sub", "deep", "odd", "api"]
)
PATHS = st.lists(WORDS | st.text(max_size=5), max_size=5).map(lambda words: "/" + "/".join(words))
NAMES = st.sampled_from(["host", "user-agent", "traceparent", "tracestate", "baggage", "x-own", "Host"])
SPANS = st.from_regex(r"\A0[01]-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3](-a)?\Z")
TEXTS = st.text(max_size=20) | SPANS | st.from_regex(r"\A[a-z]=[a-z0-9%;,=]{1,12}\Z")
HEADERS = st.lists(st.tuples(NAMES, TEXTS), max_size=6)
REQUESTS = st.builds(
    request,
    method=METHODS,
    path=PATHS,
    headers=HEADERS,
    query_string=st.text(max_size=20).map(str.encode)
    | st.sampled_from([b"", b"sig=1&a=%41", b"X-Goog-Signature=1"]),
    root_path=st.sampled_from(["", "/api", "/items", "/"]),
    scheme=st.sampled_from(["http", "https", ""]),
    http_version=st.sampled_from(["1.0", "1.1", "2", ""]),
    server=st.sampled_from([("10.0.0.1", 80), ("::1", 443), ("host", 8000), None]),
    client=st.sampled_from([("10.0.0.2", 1), ("", 0), None]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=3))
def test_whatever_is_asked_for_the_spans_are_the_official_ones(twins: Any, requests: list[Any]) -> None:
    """Odd methods, paths, headers and addresses, one after the other in the same two applications."""
    for scope in requests:
        official, ours = (drive(app, journal, scope) for app, journal in twins)
        assert ours == official


@pytest.fixture(scope="module")
def twins() -> Iterator[list[tuple[Any, Journal]]]:
    """Both sides, serving."""
    with ExitStack() as stack:
        made = []
        for side in ("official", "ours"):
            journal: Journal = []
            by = provider(ParentBasedTraceIdRatio(0.5), journal)
            made.append((stack.enter_context(traced(side, twin(journal, by), by)), journal))
        yield made
