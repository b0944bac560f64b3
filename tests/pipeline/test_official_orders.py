"""The official FastAPI instrumentation beside ours, called before or after: its user's word is what holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fastapi
import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from support.twins import Journal, drive, ended, layers, provider, request

from telemetry import instrument
from telemetry.asgi.middleware import MetricsMiddleware
from telemetry.spans.layer import Spans
from telemetry.testing import Recorded, recording

Setup = Callable[[], None]


@pytest.fixture(autouse=True)
def _background_tasks_are_nobodys() -> Iterator[None]:
    FastAPIInstrumentor.uninstrument_app(FastAPI())
    yield
    FastAPIInstrumentor.uninstrument_app(FastAPI())


@pytest.fixture(params=["no traces of ours", "traces of ours"])
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Ours with and without spans of its own, which would go nowhere."""
    with recording({"OTEL_TRACES_EXPORTER": "console"} if request.param == "traces of ours" else {}) as made:
        if made.pipeline.tracer_provider:
            made.pipeline.tracer_provider.shutdown()
        yield made


def service() -> FastAPI:
    app = FastAPI()
    app.get("/items/{i}")(lambda i: i)
    app.get("/probes")(lambda: 1)
    return app


def in_order(first: str, ours: Setup, theirs: Setup) -> None:
    for call in (ours, theirs) if first == "ours" else (theirs, ours):
        call()


ORDERS = pytest.mark.parametrize("first", ["ours", "theirs"])


@ORDERS
def test_what_its_user_configures_holds_in_any_order(first: str, recorded: Recorded) -> None:
    """Their providers, hooks, excluded URLs and captured headers; each request counts once with us."""
    journal: Journal = []
    reader = InMemoryMetricReader()
    hooked: list[str] = []

    def hook(name: str) -> Callable[..., None]:
        return lambda *_: hooked.append(name)

    app = service()
    in_order(
        first,
        lambda: instrument(app, recorded.pipeline),
        lambda: FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=provider(ALWAYS_ON, journal),
            meter_provider=MeterProvider([reader], shutdown_on_exit=False),
            excluded_urls="probes",
            server_request_hook=hook("server"),
            client_request_hook=hook("receive"),
            client_response_hook=hook("send"),
            http_capture_headers_server_request=["x-one"],
        ),
    )
    drive(app, journal, request(path="/probes"))
    assert ended(journal) == []
    drive(app, journal, request(path="/items/5", headers=[("x-one", "1")]))
    assert sorted(span["name"] for span in ended(journal)) == [
        "GET /items/{i}", "GET /items/{i} http send", "GET /items/{i} http send"
    ]  # fmt: skip
    assert ("http.request.header.x_one", ("1",)) in ended(journal)[-1]["attributes"]
    assert set(hooked) == {"server", "send"}
    data: Any = reader.get_metrics_data()
    names = {m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert "http.server.duration" in names
    counted = {key: n for key, n in recorded.series("http_requests_total").items() if n}
    assert sorted(dict(key)["endpoint"] for key in counted) == ["/items/{i}", "/probes"]
    FastAPIInstrumentor.uninstrument_app(app)


def theirs_as_ours(app: FastAPI, journal: Journal) -> None:
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider(ALWAYS_ON, journal),
        meter_provider=NoOpMeterProvider(),
        exclude_spans=["receive", "send"],
    )


@ORDERS
def test_what_is_to_be_concealed_is_in_no_span_of_theirs(first: str, recorded: Recorded) -> None:
    """Ids in paths, whoever makes the spans."""
    journal: Journal = []
    app = service()
    in_order(
        first,
        lambda: instrument(app, recorded.pipeline, conceal=lambda text: text.replace("secret", "-")),
        lambda: theirs_as_ours(app, journal),
    )
    (span,) = ended(drive(app, journal, request(path="/items/secret")))
    assert ("http.target", "/items/-") in span["attributes"]
    assert "secret" not in str(span)
    FastAPIInstrumentor.uninstrument_app(app)


@pytest.mark.parametrize("more", [{}, {"exclude_spans": ["receive"]}], ids=["all spans", "fewer"])
def test_the_order_changes_no_span(more: dict[str, Any], recorded: Recorded) -> None:
    """To the letter."""
    found = []
    for first in ("ours", "theirs"):
        FastAPIInstrumentor.uninstrument_app(FastAPI())
        journal: Journal = []
        app = service()
        by = provider(ALWAYS_ON, journal)
        in_order(
            first,
            lambda app=app: instrument(app, recorded.pipeline),  # type: ignore[misc]
            lambda app=app, by=by: FastAPIInstrumentor.instrument_app(app, tracer_provider=by, **more),  # type: ignore[misc]
        )
        found.append(drive(app, journal, request(path="/items/5")))
        FastAPIInstrumentor.uninstrument_app(app)
    assert found[0] == found[1]
    assert ended(found[0])


@ORDERS
def test_instrument_on_every_application_holds_in_any_order(
    first: str, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`FastAPIInstrumentor().instrument(...)`, with ours as the application is made, or once it is made."""
    journal: Journal = []
    made = FastAPI.__init__

    def observed(app: FastAPI, *args: Any, **kwargs: Any) -> None:
        made(app, *args, **kwargs)
        instrument(app, recorded.pipeline)

    if first == "ours":
        monkeypatch.setattr(FastAPI, "__init__", observed)
    FastAPIInstrumentor().instrument(tracer_provider=provider(ALWAYS_ON, journal), exclude_spans=["receive"])
    try:
        app = fastapi.FastAPI()
        app.get("/items/{i}")(lambda i: i)
        instrument(app, recorded.pipeline)
        drive(app, journal, request(path="/items/5"))
    finally:
        FastAPIInstrumentor().uninstrument()
    assert [span["name"] for span in ended(journal)][-1] == "GET /items/{i}"
    assert len(ended(journal)) == 3
    assert recorded.total("http_requests_total") == 1


def test_an_application_that_says_where_its_own_spans_go_has_them_there(recorded: Recorded) -> None:
    """FastAPI's own, by its argument `telemetry`; they end where the official ones are."""
    journal: Journal = []
    app = FastAPI(telemetry={"tracer_provider": provider(ALWAYS_ON, journal), "operation_spans": False})
    app.get("/items/{i}")(lambda i: i)
    instrument(app, recorded.pipeline)
    drive(app, journal, request(path="/items/5"))
    assert [span["name"] for span in ended(journal)] == ["GET /items/{i}"]
    assert recorded.total("http_requests_total") == 1


def test_after_its_user_takes_it_off_again_there_are_no_spans_and_ours_counts(recorded: Recorded) -> None:
    """uninstrument_app() builds the stack anew: ours is around it all the same, and adds no spans."""
    journal: Journal = []
    app = service()
    instrument(app, recorded.pipeline)
    theirs_as_ours(app, journal)
    drive(app, journal, request(path="/items/5"))
    assert len(ended(journal)) == 1
    FastAPIInstrumentor.uninstrument_app(app)
    FastAPIInstrumentor.uninstrument_app(app)
    assert ended(drive(app, journal, request(path="/items/5"))) == []
    assert Spans not in layers(app)
    assert recorded.total("http_requests_total") == 2


def test_whoever_wraps_the_stack_stays_inside_ours(metrics: Recorded) -> None:
    """Wrapped after us, or built again: ours is the outermost, and what they wrap is what FastAPI builds."""
    app = service()
    instrument(app, metrics.pipeline)
    build, built = app.build_middleware_stack, []

    def wrapped() -> Any:
        built.append(type(build()).__name__)

        async def around(scope: Any, receive: Any, send: Any) -> None:
            await build()(scope, receive, send)

        return around

    app.build_middleware_stack = wrapped  # type: ignore[method-assign]
    drive(app, [], request(path="/items/5"))
    assert built == ["ServerErrorMiddleware"]
    assert layers(app)[1] is MetricsMiddleware
    assert metrics.total("http_requests_total") == 1


class Own(FastAPI):
    """A user's own kind of application."""


class Childless(FastAPI):
    """One that refuses to have subclasses."""

    def __init_subclass__(cls) -> None:
        raise TypeError("final")


def test_an_application_whose_class_has_no_subclasses_is_counted(metrics: Recorded) -> None:
    """As any other; only what is wrapped around it later is outside."""
    app = Childless()
    app.get("/items/{i}")(lambda i: i)
    instrument(app, metrics.pipeline)
    drive(app, [], request(path="/items/5"))
    assert type(app) is Childless
    assert metrics.total("http_requests_total") == 1


def test_the_application_stays_of_its_class(metrics: Recorded) -> None:
    """For everyone who asks by isinstance, by name or by its documentation."""
    app: FastAPI = Own()
    instrument(app, metrics.pipeline)
    assert isinstance(app, Own)
    kind = type(app)
    assert (kind.__name__, kind.__module__, kind.__doc__) == ("Own", __name__, Own.__doc__)
