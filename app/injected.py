"""Variables that an orchestrator sets for each known service, under names that may begin as ours do.

Kubernetes sets `NAME_SERVICE_HOST`, `NAME_PORT=tcp://10.0.0.1:80` and so on for every Service of a namespace,
as container links do. A Service named reviewlens-prometheus gives REVIEWLENS_PROMETHEUS_PORT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"\w+?(_SERVICE_HOST|_SERVICE_PORT(_\w+)?|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_PORT = re.compile(r"\w*PORT=\s*(tcp|udp|sctp)://\S+\s*", re.IGNORECASE)


def is_injected(name: str, value: str) -> bool:
    """Whether a variable has the form of an orchestrator's; of NAME_PORT the value says so."""
    return bool(_NAME.fullmatch(name) or _PORT.fullmatch(f"{name}={value}"))


def own(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without what an orchestrator has set."""
    return {name: value for name, value in environ.items() if not is_injected(name, value)}


def names(environ: Mapping[str, str], prefix: str) -> list[str]:
    """What an orchestrator has set below a prefix."""
    return sorted(
        name for name, value in environ.items() if name.startswith(prefix) and is_injected(name, value)
    )


def line(ignored: list[str]) -> str:
    """One line for all of them, without values."""
    return f"{', '.join(ignored)}: set by an orchestrator for its services, ignored"
