"""The lean layer of spans: contexts, late routes, and what must never hurt a request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import TraceResponsePropagator, set_global_response_propagator
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    Sampler,
    SamplingResult,
)
from support.live import serving
from support.twin_app import both, twin
from support.twins import SIDES, Journal, ask, drive, ended, provider, request, traced

from telemetry.current import sampled_context, trace_id
from telemetry.guard import guard

TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"
WITH_SPANS = pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["on", "off"])


@pytest.fixture(autouse=True)
def _the_process_keeps_its_propagators() -> Iterator[None]:
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)
    set_global_response_propagator(None)


@WITH_SPANS
def test_inside_another_span_it_is_a_child_and_suppressed_it_is_none(sampler: Sampler) -> None:
    """An ASGI middleware of somebody else's around the application; a task that wants no spans."""
    outer = TracerProvider(shutdown_on_exit=False).get_tracer("outer")
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(7, 8, False, trace.TraceFlags(1)))):
        official_, ours = both("/items/5", sampler, headers=[("traceparent", TRACEPARENT)])
        assert ours == official_
        assert all(span["parent"][0] == 7 for span in ended(ours))
    with outer.start_as_current_span("outer"), suppress_http_instrumentation():
        official_, ours = both("/items/5", sampler)
        assert ours == official_
        assert "GET /items/{item_id}" not in [span["name"] for span in ended(ours)]


@WITH_SPANS
def test_the_response_tells_of_its_trace_where_that_is_asked_for(sampler: Sampler) -> None:
    """Dropped ones too: the client's own spans hang below them."""
    set_global_response_propagator(TraceResponsePropagator())
    official_, ours = both("/status/200", sampler)
    heads = [
        next(entry[1]["headers"] for entry in found if entry[0] == "sent") for found in (official_, ours)
    ]
    assert heads[0] == heads[1]
    assert any(name == b"traceresponse" for name, _ in heads[1])


class Own(TextMapPropagator):
    """A propagator of one's own: by one header, by all of a kind, or without a getter."""

    fields: ClassVar[set[str]] = set()  # type: ignore[misc]

    def __init__(self, by: str) -> None:
        self._by = by

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
        if self._by == "carrier":
            values = [value.decode() for name, value in carrier["headers"] if name == b"x-id"]
        elif self._by == "kind":
            values = [key.removeprefix("x-id-") for key in getter.keys(carrier) if key.startswith("x-id-")]
        else:
            values = getter.get(carrier, "X-Id") or []
        ids = trace.SpanContext(int(values[0]), 9, True, trace.TraceFlags(1)) if values else None
        around = baggage.set_baggage("own", "1", context)
        return trace.set_span_in_context(trace.NonRecordingSpan(ids), around) if ids else around

    def inject(self, *given: Any, **more: Any) -> None: ...


@pytest.mark.parametrize("by", [Own("name"), Own("kind"), Own("carrier"), W3CBaggagePropagator()])
def test_propagators_of_any_kind_are_asked(by: TextMapPropagator) -> None:
    """Also one that is set while requests come; what is around, where nothing is taken from the request."""
    before = propagate.get_global_textmap()
    found = []
    for side in SIDES:
        journal: Journal = []
        made = provider(DEFAULT_ON, journal)
        with traced(side, twin(journal, made), made) as app:
            found.append([])
            for propagator in (before, by, before):
                propagate.set_global_textmap(propagator)
                for headers in ([], [("x-id", "6"), ("baggage", "a=1")], [("x-id-7", "")], [("X-ID", "8")]):
                    found[-1].append(drive(app, journal, request(path="/items/5", headers=headers)))
                    with attached(baggage.set_baggage("around", "1")):
                        found[-1].append(drive(app, journal, request(path="/items/5", headers=headers)))
    assert found[0] == found[1]


def test_without_propagators_every_request_begins_a_trace() -> None:
    """OTEL_PROPAGATORS=none, under which the official instrumentation fails."""
    propagate.set_global_textmap(CompositePropagator([]))
    official_, ours = both("/status/200", headers=[("traceparent", TRACEPARENT)])
    assert "raised" in {entry[0] for entry in official_}
    (span,) = ended(ours)
    assert span["parent"] is None


@contextmanager
def attached(to: Context) -> Iterator[None]:
    token = context.attach(to)
    try:
        yield
    finally:
        context.detach(token)


def test_requests_at_once_do_not_mix() -> None:
    """Each sees its own trace through waits, and leaves none behind."""
    journal: Journal = []
    by = provider(DEFAULT_ON, journal)
    app = FastAPI()

    @app.get("/wait/{number}")
    async def wait(number: int) -> PlainTextResponse:
        before = trace_id()
        for _ in range(5):
            await asyncio.sleep(0)
            assert trace_id() == before
        return PlainTextResponse(
            before, headers={"x-number": str(number), "x-sampled": str(bool(sampled_context()))}
        )

    async def all_at_once() -> None:
        scopes = [
            request(path=f"/wait/{n}", headers=[("traceparent", f"00-{n + 1:032x}-{1:016x}-0{n % 2}")])
            for n in range(20)
        ]
        await asyncio.gather(*(ask(app, journal, scope) for scope in scopes))
        assert not context.get_current()

    with traced("ours", app, by):
        asyncio.run(all_at_once())
    heads = [dict(entry[1]["headers"]) for entry in journal if entry[0] == "sent" and "headers" in entry[1]]
    bodies = [entry[1]["body"] for entry in journal if entry[0] == "sent" and "body" in entry[1]]
    numbers = [int(head[b"x-number"]) for head in heads]
    assert sorted(numbers) == list(range(20))
    assert sorted(int(body, 16) for body in bodies) == [n + 1 for n in range(20)]
    assert {(n % 2, head[b"x-sampled"]) for n, head in zip(numbers, heads, strict=True)} == {
        (0, b"False"),
        (1, b"True"),
    }
    assert sorted(span["context"][0] for span in ended(journal)) == [n + 1 for n in range(1, 20, 2)]


class Broken(SpanProcessor, Sampler):
    """Fails at one step."""

    def __init__(self, where: str) -> None:
        self._where = where

    def _step(self, name: str) -> None:
        if name == self._where:
            raise RuntimeError("telemetry is broken")

    def should_sample(self, *given: Any, **more: Any) -> SamplingResult:
        self._step("sampler")
        return SamplingResult(Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "broken"

    def on_start(self, *given: Any, **more: Any) -> None:
        self._step("start")

    def on_end(self, *given: Any) -> None:
        self._step("end")


@pytest.mark.parametrize("where", ["sampler", "start", "end"])
def test_a_fault_in_what_makes_spans_leaves_the_request_untouched(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The official instrumentation lets it through to the client; ours counts it."""
    faults: list[str] = []
    monkeypatch.setattr(guard, "fault", faults.append)
    journal: Journal = []
    by = TracerProvider(sampler=Broken(where), shutdown_on_exit=False)
    by.add_span_processor(Broken(where))
    app = FastAPI()
    app.get("/")(lambda: "well")
    with traced("ours", app, by):
        drive(app, journal, request())
    told = [entry[1].get("body", entry[1].get("status")) for entry in journal if entry[0] == "sent"]
    assert told == [200, b'"well"']
    assert faults == ["record"]


@pytest.mark.parametrize(
    "changes",
    [
        {"query_string": b"q=\xff"},
        {"headers": [(b"user-agent", b"\xe9\\x")]},
        {"headers": [(b"host", b"\xe9\\u1")]},
    ],
)
def test_bytes_that_are_no_text_are_no_error(changes: dict[str, Any]) -> None:
    """The official instrumentation answers 500 to these; ours leaves the answer to the application."""
    official_, ours = both("/status/200", **changes)
    assert "raised" in {entry[0] for entry in official_}
    (span,) = ended(ours)
    assert ("http.status_code", 200) in span["attributes"]
    assert "raised" not in {entry[0] for entry in ours}


def test_the_context_of_an_exemplar_is_that_of_a_sampled_span() -> None:
    """Not of a dropped one, not of none."""
    assert sampled_context() is None
    for flags, expected in [(1, (7, 8)), (3, (7, 8)), (0, None), (2, None)]:
        found = trace.SpanContext(7, 8, True, trace.TraceFlags(flags))
        with trace.use_span(trace.NonRecordingSpan(found)):
            assert sampled_context() == expected
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(0, 0, False, trace.TraceFlags(1)))):
        assert sampled_context() is None
    with TracerProvider(shutdown_on_exit=False).get_tracer("mine").start_as_current_span("mine") as span:
        assert sampled_context() == (span.get_span_context().trace_id, span.get_span_context().span_id)


def test_behind_a_real_server_the_spans_are_the_official_ones() -> None:
    """uvicorn, kept-alive connections, streams, errors; but for ports, which differ."""
    found = []
    for side in SIDES:
        journal: Journal = []
        by = provider(DEFAULT_ON, journal)
        with (
            traced(side, twin(journal, by), by) as app,
            serving(app) as url,
            httpx.Client(base_url=url) as client,
        ):
            for method, path in [
                ("GET", "/items/5?q=a+b"),
                ("PUT", "/items/5"),
                ("HEAD", "/items/5"),
                ("GET", "/slash"),
                ("GET", "/failing"),
                ("GET", "/stream"),
                ("GET", "/sub/a/deep/5"),
                ("GET", "/files/%EB%A8%BC%EC%A7%80"),
                ("GET", "/tasks"),  # last: tasks run while the next request comes
            ]:
                client.request(method, path, headers={"x-through": "1"})
        found.append([without_ports(entry, url) for entry in journal if entry[0] in {"start", "end"}])
    assert found[0] == found[1]
    assert len([entry for entry in found[1] if entry[0] == "end"]) == 12


def without_ports(entry: Any, url: str) -> Any:
    text = re.sub(rf"\b{url.rpartition(':')[2]}\b", "PORT", repr(entry))
    return entry[0], re.sub(r"'net.peer.port'[,:] \d+", "", text)
