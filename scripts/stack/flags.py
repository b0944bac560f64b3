"""monitoring/flags.yaml as command-line arguments and environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.stack.errors import StackError
from scripts.stack.kinds import KINDS
from scripts.stack.manifest import as_numbers
from telemetry.secrets import shown

FLAGS = Path(__file__).parents[2] / "monitoring" / "flags.yaml"


@cache
def table(path: Path = FLAGS) -> dict[str, Any]:
    """The file as it stands."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def arguments(program: str, version: str, words: Mapping[str, object], usage: str = "") -> list[str]:
    """The flags of a program at a version. `usage`: the text of --help, for flags that some builds lack."""
    rows = [row for row in table()[program] if "flag" in row and _known(row, version, usage)]
    return [f"--{row['flag']}" + _value(row, words) for row in rows]


def environment(program: str, words: Mapping[str, object]) -> dict[str, str]:
    """The environment variables of a program."""
    return {row["env"]: row["value"].format(**words) for row in table()[program] if "env" in row}


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's values, or the defaults. StackError for an unusable value."""
    return {name: _setting(row, environ) for name, row in table()["settings"].items()}


def _setting(row: dict[str, str], environ: Mapping[str, str]) -> str:
    text = environ.get(row["env"]) or row["default"]
    kind = KINDS[row["kind"]]
    if not kind.fits(text):
        raise StackError(f"{row['env']}={shown(text)!r}: {kind.expected} is expected.")
    return text


def _known(row: dict[str, Any], version: str, usage: str) -> bool:
    if as_numbers(version) < as_numbers(row.get("since", "0")):
        return False
    return not row.get("probe") or f"--{row['flag']}" in usage


def _value(row: dict[str, Any], words: Mapping[str, object]) -> str:
    return "=" + row["value"].format(**words) if "value" in row else ""
