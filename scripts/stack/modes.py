"""Two ways from the service to Prometheus: it is scraped, or it pushes to the collector. Never both."""

from __future__ import annotations

from collections.abc import Mapping

from app.ports import COLLECTOR_PORTS, PORTS
from scripts.stack.errors import StackError
from telemetry.secrets import shown

SCRAPE, OTLP = MODES = ("scrape", "otlp")
MODE = ("REVIEWLENS_MODE", SCRAPE)

ALL_PORTS = {**PORTS, **COLLECTOR_PORTS}
SERVICES = (*PORTS, "collector")


def mode_of(environ: Mapping[str, str], asked: str | None = None) -> str:
    """The mode of a command, else of the environment; StackError for an unknown mode."""
    mode = asked or environ.get(MODE[0]) or MODE[1]
    if mode not in MODES:
        written = "MODE (--mode)" if asked else MODE[0]
        raise StackError(
            f"{written}={shown(mode)!r}: {' or '.join(MODES)} is expected. `make up` scrapes the API, "
            f"`make up MODE={OTLP}` goes through the collector."
        )
    return mode


def ports_in(mode: str) -> Mapping[str, tuple[str, int]]:
    """Name -> variable and default of every port that a stack of this mode has."""
    return ALL_PORTS if mode == OTLP else PORTS


def ports_of(service: str) -> tuple[str, ...]:
    """The names of a service's ports, its main one first."""
    return tuple(name for name in ALL_PORTS if name == service or name.startswith(f"{service}-"))
