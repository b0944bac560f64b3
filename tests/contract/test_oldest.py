"""The oldest set that is tested is the one that pyproject.toml promises."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.oldest import LOCK, PINS, pins

ROOT = Path(__file__).parents[2]
NOT_OURS = {"starlette"}
"""Which FastAPI brings along: its oldest is looked at where that FastAPI is installed."""


def asked(begin: str, end: str) -> dict[str, Version]:
    """Package -> the version after >=, of the dependencies that stand between two lines of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition(begin)[2].partition(end)[0]
    found = [Requirement(line.strip().strip('",')) for line in block.splitlines() if '"' in line]
    return {
        canonicalize_name(one.name): next(Version(s.version) for s in one.specifier if s.operator == ">=")
        for one in found
    }


def test_each_pin_is_a_lower_bound_and_none_is_missing() -> None:
    """What telemetry/ needs and what serves an application; a bound raised without its pin is told here, and
    a pin without its bound."""
    needed = asked("# telemetry/\n", "# app/\n")
    needed |= {
        name: bound for name, bound in asked("# app/\n", "\n]\n").items() if name in {"fastapi", "uvicorn"}
    }
    oldest = {name: Version(version) for name, version in pins(PINS).items() if name not in NOT_OURS}
    assert oldest == needed


def test_no_pin_is_newer_than_the_lock() -> None:
    """Else the newest set would not be the newest."""
    locked = pins(LOCK)
    assert {name for name, version in pins(PINS).items() if Version(version) > Version(locked[name])} == set()
