"""A pytest plugin that observes every FastAPI application of somebody else's test suite.

PEER_OURS says when telemetry.instrument(app) is called: `none` (never), `first` (as an application is made)
or `last` (after the official instrument_app()). PEER_TRACES=true: with spans of ours, which go nowhere.
"""

from __future__ import annotations

import os
from typing import Any

import fastapi
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

from telemetry import instrument
from telemetry.pipeline import Pipeline
from telemetry.settings import load


def _pipeline() -> Pipeline:
    environ = {"OTEL_TRACES_EXPORTER": "console"} if os.environ.get("PEER_TRACES") == "true" else {}
    pipeline = Pipeline(load(environ), environ)
    if pipeline.tracer_provider is not None:
        pipeline.tracer_provider.shutdown()
    return pipeline


def _first(pipeline: Pipeline) -> None:
    made = fastapi.FastAPI.__init__

    def __init__(app: fastapi.FastAPI, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        made(app, *args, **kwargs)
        instrument(app, pipeline)

    setattr(fastapi.FastAPI, "__init__", __init__)  # noqa: B010 - the class is not ours


def _last(pipeline: Pipeline) -> None:
    theirs = FastAPIInstrumentor.instrument_app

    def instrument_app(app: fastapi.FastAPI, *args: Any, **kwargs: Any) -> None:
        theirs(app, *args, **kwargs)
        if app.middleware_stack is None:
            instrument(app, pipeline)

    setattr(FastAPIInstrumentor, "instrument_app", staticmethod(instrument_app))  # noqa: B010


_WHEN = {"none": lambda _: None, "first": _first, "last": _last}
_WHEN[os.environ.get("PEER_OURS", "none")](_pipeline())
