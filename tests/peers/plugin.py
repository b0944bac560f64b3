"""A pytest plugin for other people's suites: every application that a test makes is observed, as a team's would be.

`-p plugin` with PEERS_OUTCOMES=FILE writes each test's outcome there; PEERS_OBSERVED=true observes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_outcomes: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Observe what is made from now on; workers of pytest-xdist load this plugin too."""
    if os.environ.get("PEERS_OBSERVED") == "true":
        _observe()


def _observe() -> None:
    import fastapi
    import starlette.applications

    import telemetry

    for kind in (starlette.applications.Starlette, fastapi.FastAPI):
        _observe_kind(kind, telemetry.instrument)


def _observe_kind(kind: Any, instrument: Any) -> None:
    original = kind.__init__

    def __init__(app: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(app, *args, **kwargs)
        instrument(app)

    kind.__init__ = __init__


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst of a test's three phases is its outcome."""
    worse = ("passed", "skipped", "failed")
    before = _outcomes.get(report.nodeid, "passed")
    _outcomes[report.nodeid] = max(before, report.outcome, key=worse.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Once, by the process that the reports of all workers reach."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["PEERS_OUTCOMES"]).write_text(json.dumps(_outcomes), encoding="utf-8")
