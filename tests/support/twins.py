"""One application under the official instrumentation and under ours, and all that a request leaves with each.

with traced("ours", provider, journal) as app:
    journal = drive(app, journal, request)

A journal is in the order of events: spans as they start and end, messages as they are sent, and what the
application saw as the current span. So two equal journals are equal in spans and in their moments.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler

from telemetry import instrument
from telemetry.testing import recording

Side = Literal["official", "ours"]
SIDES: tuple[Side, ...] = ("official", "ours")
Journal = list[Any]
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\w+)')
_TESTS = str(Path(__file__).parents[1])


class SameIds(IdGenerator):
    """Random ids that are the same for both sides."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311 - no secret

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64)

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128)


class Journalist(SpanProcessor):
    """Writes down each span as it starts and ends."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self._journal.append(("start", span.name, span.kind, dict(span.attributes)))

    def on_end(self, span: ReadableSpan) -> None:
        self._journal.append(("end", whole(span)))


def whole(span: ReadableSpan) -> dict[str, Any]:
    """All there is of a span but its resource and times, which are checked to be in order."""
    moments = [span.start_time, *(event.timestamp for event in span.events), span.end_time]
    assert moments == sorted(moments)  # type: ignore[type-var]
    scope = span.instrumentation_scope
    assert scope is not None
    return {
        "name": span.name,
        "kind": span.kind,
        "context": context(span.context),
        "parent": context(span.parent),
        "attributes": list((span.attributes or {}).items()),
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "status": (span.status.status_code, span.status.description),
        "events": [(event.name, _own_frames(dict(event.attributes or {}))) for event in span.events],
        "links": list(span.links),
        "scope": (scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})),
    }


def context(of: trace.SpanContext | None) -> Any:
    return of and (of.trace_id, of.span_id, of.is_remote, of.trace_flags, dict(of.trace_state))


def _own_frames(attributes: dict[str, Any]) -> dict[str, Any]:
    """With a traceback cut down to the application's frames: between them each side has its own."""
    text = str(attributes.get("exception.stacktrace", ""))
    frames = [found.groups() for found in _FRAME.finditer(text) if found[1].startswith(_TESTS)]
    return {**attributes, "exception.stacktrace": (frames, text.strip().rpartition("\n")[2])}


def seen(journal: Journal, where: str) -> None:
    """Write down what is current here."""
    span = trace.get_current_span()
    name = getattr(span, "name", None)
    told = (name, span.is_recording(), context(span.get_span_context()), dict(baggage.get_all()))
    journal.append(("seen", where, told))


def provider(sampler: Sampler, journal: Journal) -> TracerProvider:
    """A tracer provider that writes the journal."""
    made = TracerProvider(sampler=sampler, id_generator=SameIds(), shutdown_on_exit=False)
    made.add_span_processor(Journalist(journal))
    return made


@contextmanager
def traced(
    side: Side, app: FastAPI, by: TracerProvider, before: Callable[[], None] = lambda: None
) -> Iterator[FastAPI]:
    """The application, instrumented by one side until the block ends. `before`: what somebody did earlier."""
    FastAPIInstrumentor.uninstrument_app(FastAPI())  # background tasks have the tracer of who was first
    before()
    with recording({"OTEL_TRACES_EXPORTER": "console"}) as recorded:
        pipeline = recorded.pipeline
        assert pipeline.tracer_provider is not None
        pipeline.tracer_provider.shutdown()
        pipeline.tracer_provider = by
        try:
            if side == "ours":
                instrument(app, pipeline)
            else:
                official(app, by)
            yield app
        finally:
            FastAPIInstrumentor.uninstrument_app(app)


def official(app: FastAPI, by: TracerProvider, **more: Any) -> None:
    """The official instrumentation as we use it."""
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=by,
        meter_provider=NoOpMeterProvider(),
        exclude_spans=["receive", "send"],
        **more,
    )


def request(**changes: Any) -> dict[str, Any]:
    """The scope of a request; header names and values may be text."""
    given = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "root_path": "",
        "client": ("127.0.0.1", 50123),
        "server": ("127.0.0.1", 8000),
        "headers": [("host", "shop.test:8000"), ("user-agent", "curl/8")],
        **changes,
    }
    given["headers"] = [tuple(part if isinstance(part, bytes) else part.encode() for part in pair)
                        for pair in given["headers"]]  # fmt: skip
    return given


BODY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


def drive(app: Any, journal: Journal, scope: dict[str, Any], incoming: Sequence[Any] = (BODY,)) -> Journal:
    """Send one request; the journal of it, with what came out of the application last."""
    journal.clear()
    asyncio.run(ask(app, journal, scope, incoming))
    return list(journal)


async def ask(app: Any, journal: Journal, scope: dict[str, Any], incoming: Sequence[Any] = (BODY,)) -> None:
    """As drive(), in a loop that runs."""
    messages = iter(incoming)

    async def receive() -> Any:
        for message in messages:
            return message
        await asyncio.sleep(3600)  # whoever listens for a disconnect is cancelled
        return None

    async def send(message: Any) -> None:
        journal.append(("sent", dict(message), context(trace.get_current_span().get_span_context())))
        if scope.get("lost") and message["type"] == "http.response.body":
            raise OSError("the client is gone")

    try:
        await app(dict(scope), receive, send)
    except (Exception, asyncio.CancelledError) as error:
        journal.append(("raised", repr(error)))
    journal.append(("left behind", otel_context.get_current()))


def ended(journal: Journal) -> list[dict[str, Any]]:
    """The spans of a journal, in the order of their ends."""
    return [entry[1] for entry in journal if entry[0] == "end"]


def layers(app: Any) -> list[type]:
    """The types of what stands around an application as it is when it serves, outermost first."""
    app.middleware_stack = app.build_middleware_stack()
    stack, found = app.middleware_stack, []
    while stack is not None:
        found.append(type(stack))
        stack = getattr(stack, "app", None)
    return found
