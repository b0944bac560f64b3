"""What Grafana makes of a value in a provisioning file: its pkg/services/provisioning/values/values.go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from monitoring.targets import HERE

SOURCE = HERE / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
_BRACED = re.compile(r"\$\{([^}]+)\}")
_ANY = re.compile(r"\$(?:\{([^}]+)\}|(\w+))")


def source(path: Path = SOURCE) -> dict[str, Any]:
    """The one data source of a provisioning file, as it stands."""
    (one,) = yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]
    return dict(one)


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """A value with its variables; an unknown one is empty, $$ is $. What braces brought is read once more."""

    def value(found: re.Match[str]) -> str:
        return environ.get(next(filter(None, found.groups())), "")

    return "$".join(_ANY.sub(value, _BRACED.sub(value, part)) for part in text.split("$$"))
