"""Server spans for a fraction of what opentelemetry-instrumentation-fastapi takes for the same ones.

Its middleware stays where it put it. Requests go past it, through `Spans`; what is rare goes through it as
ever: websockets, and everything where a setting asks for more than we do (`_REASONS`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextvars import Token
from typing import Any

from fastapi import FastAPI
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware, asgi_setter
from opentelemetry.instrumentation.asgi.version import __version__
from opentelemetry.instrumentation.propagators import get_global_response_propagator
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.asgi.table import RouteTable
from telemetry.guard import guard
from telemetry.spans.attributes import Arriving, Headers, StartAttributes, concealed, method, url
from telemetry.spans.names import Routes
from telemetry.words import say_once

LIKE = "0.66"  # the versions whose spans ours are held to be equal to
_SEMCONV = "OTEL_SEMCONV_STABILITY_OPT_IN"
_response_propagator: Callable[[], Any] = get_global_response_propagator
_log = logging.getLogger("telemetry")

# Why requests go through the official middleware after all; the first that applies is
# logged, once a process.
_REASONS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    (f"it is {__version__}, and ours are like those of {LIKE}", lambda _: not __version__.startswith(LIKE)),
    (f"{_SEMCONV} asks for other attributes", lambda _: "http" in os.environ.get(_SEMCONV, "")),
    (
        "headers are to be captured",
        lambda by: by.http_capture_headers_server_request or by.http_capture_headers_server_response,
    ),
    (
        "there are hooks",
        lambda by: by.server_request_hook or by.client_request_hook or by.client_response_hook,
    ),
    ("send and receive are to have spans", lambda by: not (by.exclude_send_span and by.exclude_receive_span)),
    ("http.server.* are to be measured", lambda by: not isinstance(by.meter, NoOpMeter)),
)


def lean(
    app: FastAPI,
    stack: ASGIApp,
    conceal: Callable[[str], str] | None = None,
    table: RouteTable | None = None,
) -> ASGIApp:
    """The application's stack, with the lean layer where it may take the place of the official one.

    `conceal` takes out of a URL's text what spans may not show.
    """
    by = getattr(stack, "app", None)
    # So FastAPIInstrumentor builds it; one that somebody added as a middleware has other things around it.
    if not (isinstance(by, OpenTelemetryMiddleware) and isinstance(by.app, ServerErrorMiddleware)):
        if getattr(app, "_is_instrumented_by_opentelemetry", False):
            _say_official("it is not where FastAPIInstrumentor puts it")
        return stack
    reasons = [why for why, applies in _REASONS if applies(by)]
    if conceal:  # of websockets too, which the official middleware keeps
        by.server_request_hook = _concealing(conceal, by.server_request_hook)
    if reasons:
        _say_official(reasons[0])
        return stack
    _log.debug("spans: by telemetry.spans.layer")
    return Spans(stack, by, Routes(table or RouteTable(app.router)), conceal)


def _say_official(why: str) -> None:
    """Each request takes several times as long for its span there: whoever runs this should know."""
    say_once("spans: by opentelemetry-instrumentation-fastapi, because %s", why, level=logging.INFO)


def _concealing(conceal: Callable[[str], str], following: Any) -> Callable[[Span, Scope], None]:
    """A hook of the official middleware, which calls it with the attributes set, before any other."""

    def hook(span: Span, scope: Scope) -> None:
        span.set_attributes(concealed(getattr(span, "attributes", None) or {}, conceal))
        if callable(following):
            following(span, scope)

    return hook


class Spans:
    """Makes a span for each HTTP request, which ends with its body. FastAPI makes spans of its own unless it
    finds the official middleware below `app`."""

    def __init__(
        self,
        stack: ASGIApp,
        by: OpenTelemetryMiddleware,
        routes: Routes,
        conceal: Callable[[str], str] | None = None,
    ) -> None:
        self.app = stack
        self._conceal = conceal
        self._inner: ASGIApp = by.app
        self._tracer: trace.Tracer = by.tracer
        self._excluded = by.excluded_urls if getattr(by.excluded_urls, "_excluded_urls", True) else None
        self._routes = routes
        self._arriving = Arriving()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace an HTTP request; hand the rest, and what is not to be traced, to the official middleware."""
        around = context.get_current()
        if scope["type"] != "http" or (around and not is_http_instrumentation_enabled()):
            await self.app(scope, receive, send)
            return
        begun = self._begin(scope, around)
        if begun is None:
            await self._inner(scope, receive, send)
            return
        span, token = begun
        try:
            try:
                await self._inner(scope, receive, _sending(span, send))
            finally:
                context.detach(token)
        except Exception as error:
            # What was answered has ended the span, and reported the error.
            if span.is_recording():
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
            raise
        finally:
            _end(span)

    def _begin(self, scope: Scope, around: Context) -> tuple[Span, Token[Context]] | None:
        """The span, which is current until its token is given back; None where there is to be none."""
        try:
            headers = Headers(scope.get("headers") or ())
            if self._excluded and self._excluded.url_disabled(url(scope, headers.get(scope, "host"))):
                return None
            route = self._routes.of(scope)
            attributes = StartAttributes(scope, headers, route, self._conceal)
            if around and trace.get_current_span() is not INVALID_SPAN:
                parent, kind = around, SpanKind.INTERNAL
            else:
                parent, kind = self._arriving.of(scope, headers, around), SpanKind.SERVER
            span = self._tracer.start_span(_name(scope, route), parent, kind, attributes)
            if span.is_recording():  # a sampler of one's own may have handed on none of them
                span.set_attributes(attributes)
            return span, context.attach(trace.set_span_in_context(span, parent))
        except Exception:
            guard.fault("record")
            return None


def _name(scope: Scope, route: str | None) -> str:
    known = method(scope["method"].strip())
    known = "HTTP" if known == "_OTHER" else known
    return f"{known} {route}" if route else known


def _sending(span: Span, send: Send) -> Send:
    """`send`, noticing the status and the end of the body, for a span's attributes."""
    if not span.is_recording() and _response_propagator() is None:
        return send

    async def send_noticing(message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            _answered(span, message)
        await send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            _end(span)

    return send_noticing


def _answered(span: Span, message: Message) -> None:
    try:
        if span.is_recording():
            status = int(message["status"])
            span.set_attribute("http.status_code", status)
            if not 100 <= status < 500:
                span.set_status(StatusCode.ERROR)
        if propagator := _response_propagator():
            propagator.inject(message, trace.set_span_in_context(span, Context()), asgi_setter)
    except Exception:
        guard.fault("record")


def _end(span: Span) -> None:
    try:
        if span.is_recording():
            span.end()
    except Exception:
        guard.fault("record")
