"""The command `reviewlens look`: `telemetry look` with this project's boards, runbooks and ports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from app import ports
from app.injected import own
from app.settings import AppSettingsError
from telemetry.catalog import CATALOG
from telemetry.look import command
from telemetry.look.options import HOST
from telemetry.secrets import shown

MONITORING = Path(__file__).parents[1] / "monitoring"
DASHBOARDS, RUNBOOKS = MONITORING / "grafana" / "dashboards", MONITORING / "runbooks"


def look(context: typer.Context) -> None:
    """Show the dashboards in a page, without Grafana. The options are those of `telemetry look`."""
    raise typer.Exit(command.main(context.args, "reviewlens look", _defaults(), CATALOG))


look.settings = {  # type: ignore[attr-defined]
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "add_help_option": False,
}


def _defaults() -> dict[str, Any]:
    """Our folders where they are, which an installed package does not bring; the environment's ports."""
    environ = own(os.environ)
    return {
        "dashboards": (DASHBOARDS,) if DASHBOARDS.is_dir() else (),
        "runbooks": RUNBOOKS if RUNBOOKS.is_dir() else None,
        "port": _port(),
        "prometheus": ports.address("prometheus", HOST),
        "trace_url": environ.get("REVIEWLENS_TRACE_URL") or "",
        "title": "ReviewLens",
    }


def _port() -> int:
    variable, default = ports.PORTS["look"]
    text = own(os.environ).get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise AppSettingsError(f"{variable}={shown(text)!r}: expected a port, a whole number from 1 to 65535")
    return int(text)
