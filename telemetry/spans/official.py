"""The official FastAPI instrumentation, set up as we use it where nobody has set it up otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp


def add(app: FastAPI, tracer_provider: TracerProvider, with_metrics: bool) -> None:
    """Set it up when the application is first built. Until then its user may do so, before this call or after
    it, with providers, hooks, headers and excluded URLs of their own: theirs is the one that stays."""
    build: Callable[[], ASGIApp] = app.build_middleware_stack
    is_decided = False

    def build_traced() -> ASGIApp:
        nonlocal build, is_decided
        if not is_decided and not getattr(app, "_is_instrumented_by_opentelemetry", False):
            build = _traced(app, build, tracer_provider, with_metrics)
        is_decided = True
        return build()

    app.build_middleware_stack = build_traced  # type: ignore[method-assign]


def _traced(
    app: Any, build: Callable[[], ASGIApp], tracer_provider: TracerProvider, with_metrics: bool
) -> Callable[[], ASGIApp]:
    """`build` with the official middleware, and nothing of what others have put around us since."""
    around, app.build_middleware_stack = app.build_middleware_stack, build
    try:
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=tracer_provider,
            meter_provider=None if with_metrics else NoOpMeterProvider(),
            exclude_spans=["receive", "send"],
        )
        traced: Callable[[], ASGIApp] = app.build_middleware_stack
        return traced
    finally:
        app.build_middleware_stack = around
