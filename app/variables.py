"""Every known REVIEWLENS_* variable, and a warning for an unknown one."""

from __future__ import annotations

import difflib
import functools
import logging
import os
from collections.abc import Mapping

from app import injected
from app.injected import own
from app.llm.settings import LLMSettings
from app.ports import COLLECTOR_PORTS, PORTS
from app.settings import PREFIX, AppSettings
from telemetry.push.target import variables as telemetry_variables

# What the parts around the service read; a test finds the names in the stack's settings and the documents.
AROUND = (
    "REVIEWLENS_DATA_DIR",
    "REVIEWLENS_DOWNLOAD_BASE",
    "REVIEWLENS_MODE",
    "REVIEWLENS_PROMETHEUS_OTLP_URL",
    "REVIEWLENS_REMOTE_WRITE_URL",
    "REVIEWLENS_RETENTION_SIZE",
    "REVIEWLENS_RETENTION_TIME",
    "REVIEWLENS_RUN_DIR",
    "REVIEWLENS_TRACE_URL",
)
COLLECTOR = "REVIEWLENS_COLLECTOR_"

_log = logging.getLogger("reviewlens")


@functools.cache
def known() -> frozenset[str]:
    """Every name; the collector's are known by their beginning."""
    fields = [*AppSettings.variables(), *LLMSettings.variables()]
    ports = [variable for variable, _ in (*PORTS.values(), *COLLECTOR_PORTS.values())]
    return frozenset((*fields, *ports, *telemetry_variables(), *AROUND))


def unknown(environ: Mapping[str, str]) -> dict[str, str]:
    """REVIEWLENS_* names that nothing reads, each with the nearest that is read, or an empty string."""
    ours = [name for name in own(environ) if name.startswith(PREFIX) and not name.startswith(COLLECTOR)]
    return {name: _nearest(name) for name in sorted(ours) if name not in known()}


def _nearest(name: str) -> str:
    ends = [one.removeprefix(PREFIX) for one in known() if one.startswith(PREFIX)]
    return "".join(PREFIX + end for end in difflib.get_close_matches(name.removeprefix(PREFIX), ends, 1))


def warn_unknown(environ: Mapping[str, str] = os.environ) -> None:
    """One line in the log for each, and one for all that an orchestrator set. Values are not shown."""
    if ignored := injected.names(environ, PREFIX):
        _log.info("%s", injected.line(ignored))
    for name, nearest in unknown(environ).items():
        hint = f"did you mean {nearest}?" if nearest else "docs/reference/settings.md has the names there are"
        _log.warning("%s is set, and nothing reads it; %s", name, hint)
