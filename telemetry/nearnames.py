"""Names of variables that nothing reads and that are close to one that something does."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

from opentelemetry import environment_variables as of_the_api
from opentelemetry.instrumentation import environment_variables as of_instrumentations
from opentelemetry.sdk import environment_variables as of_the_sdk

from telemetry.push.target import variables

PREFIXES = ("OTEL_", "TELEMETRY_")
_SIGNALS = ("METRICS", "TRACES", "LOGS", "PROFILES")
_NEAR = 0.92
"""Of difflib: one or two letters. Other libraries have OTEL_ names of their own, many of them alike."""


@cache
def known() -> frozenset[str]:
    """Every name that OpenTelemetry or this pipeline reads."""
    modules = (of_the_api, of_instrumentations, of_the_sdk)
    standard = [value for module in modules for value in vars(module).values() if isinstance(value, str)]
    names = [name for name in (*standard, *variables()) if name.startswith(PREFIXES)]
    of_signals = [name.replace("_OTLP_", f"_OTLP_{signal}_") for name in names for signal in _SIGNALS]
    return frozenset((*names, *of_signals))


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Each such name, and the one that was meant. Values may be secret, and are not looked at."""
    ours = sorted(name for name in environ if name.startswith(PREFIXES) and name not in known())
    nearest = ((name, get_close_matches(name, known(), 1, _NEAR)) for name in ours)
    return {name: found[0] for name, found in nearest if found}
