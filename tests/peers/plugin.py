"""A pytest plugin for other projects' suites: every application that a test makes is observed.

`-p plugin` with PEERS_OUTCOMES=FILE writes each test's outcome there. PEERS_ORDER says when our
telemetry.instrument(app) is called: `first` (as an application is made), `last` (after the official
instrument_app()), or never. PEERS_TRACES=true makes spans of ours, which go nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

_outcomes: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Observe what is made from now on; workers of pytest-xdist load this plugin too."""
    if order := os.environ.get("PEERS_ORDER"):
        {"first": _first, "last": _last}[order](_instrument())


def _instrument() -> Callable[[Any], None]:
    """telemetry.instrument, on the process's own pipeline, or on one that makes spans."""
    import telemetry
    from telemetry.settings import load

    if os.environ.get("PEERS_TRACES") != "true":
        return telemetry.instrument
    environ = {"OTEL_TRACES_EXPORTER": "console"}
    pipeline = telemetry.Pipeline(load(environ), environ)
    if pipeline.tracer_provider is not None:
        pipeline.tracer_provider.shutdown()
    return partial(telemetry.instrument, pipeline=pipeline)


def _first(instrument: Callable[[Any], None]) -> None:
    import fastapi
    import starlette.applications

    for kind in (starlette.applications.Starlette, fastapi.FastAPI):
        _observe(kind, instrument)


def _observe(kind: Any, instrument: Callable[[Any], None]) -> None:
    original = kind.__init__

    def __init__(app: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(app, *args, **kwargs)
        instrument(app)

    kind.__init__ = __init__


def _last(instrument: Callable[[Any], None]) -> None:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    theirs = FastAPIInstrumentor.instrument_app

    def instrument_app(app: Any, *args: Any, **kwargs: Any) -> None:
        theirs(app, *args, **kwargs)
        if app.middleware_stack is None:
            instrument(app)

    setattr(FastAPIInstrumentor, "instrument_app", staticmethod(instrument_app))  # noqa: B010


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst of a test's three phases is its outcome."""
    worse = ("passed", "skipped", "failed")
    before = _outcomes.get(report.nodeid, "passed")
    _outcomes[report.nodeid] = max(before, report.outcome, key=worse.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Once, by the process that the reports of all workers reach."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["PEERS_OUTCOMES"]).write_text(json.dumps(_outcomes), encoding="utf-8")
