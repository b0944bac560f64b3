"""No change of code: `opentelemetry-instrument uvicorn any:app` finds these by their entry points."""

from __future__ import annotations

import os
import sys
from typing import Any

import fastapi
from opentelemetry.instrumentation.environment_variables import OTEL_PYTHON_DISABLED_INSTRUMENTATIONS
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from telemetry import logs
from telemetry.adopt import instrument
from telemetry.pipeline import start
from telemetry.settings import SettingsError


class Configurator:
    """Starts the pipeline, and keeps the stock FastAPI instrumentor from instrumenting every app again."""

    def configure(self, **_: Any) -> None:
        """Start from the OTEL_* variables. A wrong one ends the process, as it does without this tool."""
        try:
            start()
        except SettingsError as error:
            # Not raised: opentelemetry-instrument would log it and run the application without telemetry.
            print(f"telemetry: {error}", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
        logs.show_access()
        disabled = os.environ.get(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS, "")
        os.environ[OTEL_PYTHON_DISABLED_INSTRUMENTATIONS] = ",".join(filter(None, (disabled, "fastapi")))


class Instrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every FastAPI application from the moment it is made."""

    _original = staticmethod(fastapi.FastAPI.__init__)

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """What must be installed for this to apply."""
        return ("fastapi >= 0.100",)

    def _instrument(self, **_: Any) -> None:
        original = self._original

        def __init__(app: fastapi.FastAPI, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(app, *args, **kwargs)
            instrument(app)

        setattr(fastapi.FastAPI, "__init__", __init__)  # noqa: B010 - the class is not ours

    def _uninstrument(self, **_: Any) -> None:
        fastapi.FastAPI.__init__ = self._original  # type: ignore[method-assign]
