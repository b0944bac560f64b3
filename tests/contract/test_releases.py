"""The oldest and the newest sets that are tested are within what pyproject.toml promises."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.releases import AGES, LOCK, pins

ROOT = Path(__file__).parents[2]
NOT_OURS = {"starlette"}
"""Which FastAPI brings along: its oldest is looked at where that FastAPI is installed."""


def asked(begin: str, end: str) -> dict[str, Requirement]:
    """Package -> its range, of the dependencies that stand between two lines of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition(begin)[2].partition(end)[0]
    found = [Requirement(line.strip().strip('",')) for line in block.splitlines() if '"' in line]
    return {canonicalize_name(one.name): one for one in found}


def needed() -> dict[str, Requirement]:
    """What telemetry/ needs, and what serves an application."""
    serves = asked("# app/\n", "\n]\n")
    return asked("# telemetry/\n", "# app/\n") | {name: serves[name] for name in ("fastapi", "uvicorn")}


def versions(file: Path) -> dict[str, Version]:
    return {name: Version(version) for name, version in pins(file).items()}


def test_each_oldest_pin_is_a_lower_bound_and_none_is_missing() -> None:
    """A bound raised without its pin is told here, and a pin without its bound."""
    bounds = {
        name: next(Version(s.version) for s in one.specifier if s.operator == ">=")
        for name, one in needed().items()
    }
    oldest = versions(AGES["oldest"])
    assert {name: pin for name, pin in oldest.items() if name not in NOT_OURS} == bounds


def test_each_newest_pin_is_in_its_range_and_none_is_missing() -> None:
    """A range that was narrowed leaves out what is pinned; scripts/newest.sh writes it anew."""
    newest, ranges = versions(AGES["newest"]), needed()
    assert newest.keys() >= {*ranges, *NOT_OURS}
    assert {name for name, one in ranges.items() if newest[name] not in one.specifier} == set()


def test_no_age_is_on_the_wrong_side_of_the_lock() -> None:
    """Oldest, locked, newest: else a set that is tested is none of what it is called."""
    oldest, locked, newest = map(versions, (AGES["oldest"], LOCK, AGES["newest"]))
    assert {name for name in oldest if oldest[name] > locked[name]} == set()
    assert {name for name in newest.keys() & locked.keys() if newest[name] < locked[name]} == set()
