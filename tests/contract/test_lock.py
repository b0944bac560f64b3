"""The lock file is what pyproject.toml asks for, and names no place to fetch from."""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))? \\$", re.MULTILINE)


def test_every_dependency_is_pinned_within_its_range() -> None:
    """All ranges of the project, extras included, hold the version that is locked for this Python."""
    pins = {
        canonicalize_name(found["name"]): found["version"]
        for found in PINNED.finditer(LOCK)
        if not found["marker"] or Marker(found["marker"]).evaluate()
    }
    asked = [Requirement(text) for text in requires("reviewlens") or ()]
    assert asked
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        applies = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            for extra in ("", "dev", "stack")
        )
        if applies and name != "reviewlens":
            assert requirement.specifier.contains(pins[name], prereleases=True), (requirement, pins[name])


def test_it_names_no_host() -> None:
    """Where packages come from is the reader's own setting."""
    assert re.findall(r"https?://|--index|--find-links", LOCK) == []
