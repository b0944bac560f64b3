"""Who makes the spans: ours or the official instrumentation, and never both."""

from __future__ import annotations

import logging
from typing import Any

import opentelemetry.instrumentation.fastapi as official_module
import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeter, NoOpMeterProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.util.http import get_excluded_urls
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp
from support.twin_app import both, twin
from support.twins import SIDES, Journal, Side, drive, ended, layers, official, provider, request, traced

from telemetry import instrument
from telemetry.spans.layer import Spans, lean
from telemetry.testing import recording


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that begins."""
    monkeypatch.setattr("telemetry.words._said", set())


def is_lean(app: FastAPI) -> bool:
    return Spans in layers(app)


def lines_of_spans(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("spans: ")]


class Around:
    """A middleware that somebody put around the whole stack."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        (
            "OTEL_SEMCONV_STABILITY_OPT_IN",
            "http/dup",
            "OTEL_SEMCONV_STABILITY_OPT_IN asks for other attributes",
        ),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "accept", "headers are to be captured"),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "x-.*", "headers are to be captured"),
    ],
)
def test_what_a_setting_asks_for_beyond_ours_is_the_official_instrumentations(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, value: str, why: str
) -> None:
    """By itself, and one line of the log says why: a request takes longer there."""
    caplog.set_level(logging.INFO, "telemetry")
    by = provider(ALWAYS_ON, [])
    with traced("ours", FastAPI(), by) as app:
        assert is_lean(app)
        assert lines_of_spans(caplog) == []
        monkeypatch.setenv(variable, value)
        assert not is_lean(app)
        assert not is_lean(app)
        assert lines_of_spans(caplog) == [f"spans: by opentelemetry-instrumentation-fastapi, because {why}"]


@pytest.mark.parametrize("traces", ["console", "none"])
def test_a_layer_between_is_told_where_there_are_spans(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, traces: str
) -> None:
    """An instrumentation that wraps the stack as well keeps the official middleware, and its time."""
    caplog.set_level(logging.INFO, "telemetry")
    app = FastAPI()
    with recording({"OTEL_TRACES_EXPORTER": traces}) as recorded:
        instrument(app, recorded.pipeline, conceal=str)
        build = app.build_middleware_stack
        monkeypatch.setattr(app, "build_middleware_stack", lambda: Around(build()))
        assert not is_lean(app)
    FastAPIInstrumentor.uninstrument_app(app)
    why = "because it is not where FastAPIInstrumentor puts it"
    told = [f"spans: by opentelemetry-instrumentation-fastapi, {why}"] if traces == "console" else []
    assert lines_of_spans(caplog) == told


def test_captured_headers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those that are to stay secret are not."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-one,x-key")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "x-key")
    official_, ours = both("/items/5", headers=[("x-one", "1"), ("x-key", "secret")])
    assert ours == official_
    assert ("http.request.header.x_one", ("1",)) in ended(ours)[-1]["attributes"]
    assert "secret" not in str(ended(ours))


def test_metrics_that_are_asked_for_are_the_official_instrumentations(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """REVIEWLENS_HTTP_SERVER_METRICS=true: it measures what it traces."""
    caplog.set_level(logging.INFO, "telemetry")
    app = FastAPI()
    settings = {"OTEL_TRACES_EXPORTER": "console", "REVIEWLENS_HTTP_SERVER_METRICS": "true"}
    with recording(settings) as recorded:
        instrument(app, recorded.pipeline)
        layers(app)
    assert caplog.messages[-1].endswith("because http.server.* are to be measured")
    FastAPIInstrumentor.uninstrument_app(app)


@pytest.mark.parametrize("first", SIDES)
def test_who_instruments_it_as_well_has_one_set_of_spans(first: Side) -> None:
    """Before us or after us, with all of the official spans or with those that we make."""
    journal: Journal = []
    by = provider(ALWAYS_ON, journal)
    app = twin(journal, by)

    def by_themselves() -> None:
        official(app, by)

    with traced("ours", app, by, before=by_themselves if first == "official" else lambda: None):
        by_themselves()
        drive(app, journal, request(path="/task"))
    assert [span["name"] for span in ended(journal)] == ["GET /task", "BackgroundTask later"]


def hook(span: Any, *_: Any) -> None:
    """Shows that it was called."""
    span.update_name("hooked")


LESS: dict[str, Any] = {"exclude_spans": ["receive", "send"], "meter_provider": NoOpMeterProvider()}


@pytest.mark.parametrize(
    ("set_up", "names"),
    [
        ({**LESS, "server_request_hook": hook}, ["hooked"]),
        (
            {"meter_provider": NoOpMeterProvider()},
            ["GET /status/{code} http send", "GET /status/{code}", "GET /status/{code} http send"],
        ),
        (
            {**LESS, "exclude_spans": ["receive"], "client_response_hook": hook},
            ["hooked", "GET /status/{code}", "hooked"],
        ),
    ],
    ids=["a hook", "spans of messages", "a hook of messages"],
)
def test_what_somebody_else_set_up_stays_as_it_is(set_up: dict[str, Any], names: list[str]) -> None:
    """Hooks, and spans of messages."""
    journal: Journal = []
    by = provider(ALWAYS_ON, journal)
    app = twin(journal, by)

    def by_themselves() -> None:
        FastAPIInstrumentor.instrument_app(app, tracer_provider=by, **set_up)

    with traced("ours", app, by, before=by_themselves):
        assert not is_lean(app)
        drive(app, journal, request(path="/status/200"))
    assert sorted(span["name"] for span in ended(journal)) == sorted(names)


def test_a_middleware_of_the_official_kind_that_a_user_added_stays_in_the_chain() -> None:
    """Its span is a child; every middleware runs, the last handler of errors too."""
    found = []
    for side in SIDES:
        journal: Journal = []
        by = provider(ALWAYS_ON, journal)
        app = twin(journal, by)
        app.add_middleware(OpenTelemetryMiddleware, tracer_provider=by, exclude_spans=["receive", "send"])
        with traced(side, app, by):
            found.append(drive(app, journal, request(path="/failing")))
    assert found[0] == found[1]
    assert len({span["context"][0] for span in ended(found[1])}) == 1
    assert ("seen", "last handler") in [entry[:2] for entry in found[1]]


def test_without_the_official_setup_a_stack_is_left_as_it_is() -> None:
    """Though a middleware of its kind, which a user added, stands where it would stand."""
    app = FastAPI()
    added = OpenTelemetryMiddleware(app.router, exclude_spans=["receive", "send"], meter=NoOpMeter("none"))
    for stack in (ServerErrorMiddleware(added), app.build_middleware_stack()):
        assert lean(app, stack) is stack


def test_excluded_urls_have_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_PYTHON_FASTAPI_EXCLUDED_URLS, or OTEL_PYTHON_EXCLUDED_URLS: held against the whole URL."""
    monkeypatch.setenv("OTEL_PYTHON_EXCLUDED_URLS", "shop.test:8000/items, status/4..$")
    monkeypatch.setattr(official_module, "_excluded_urls_from_env", get_excluded_urls("FASTAPI"))
    for path, headers, count in [
        ("/items/5", [("host", "shop.test:8000")], 0),
        ("/items/5", [("host", "b.test")], 2),
        ("/status/404", [], 0),
        ("/status/200", [], 1),
    ]:
        official_, ours = both(path, headers=headers)
        assert ours == official_
        # The end point's own span is there in any case.
        assert len(ended(ours)) == (count or ("items" in path))
