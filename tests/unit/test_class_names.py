"""Class names: a search for one finds one class."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest
from support.servers import ROOT

PROGRAMS = ("telemetry", "app", "scripts", "monitoring", "soak", "benchmarks", "tests/support")


def defined(*folders: str) -> dict[str, list[str]]:
    """Where each class is defined, by its name."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{file.relative_to(ROOT)}:{node.lineno}")
    return places


@pytest.mark.parametrize("folders", [("telemetry",), PROGRAMS], ids=" and ".join)
def test_no_class_name_is_defined_twice(folders: tuple[str, ...]) -> None:
    """Nor in a function, nor as a private one."""
    places = defined(*folders)
    assert len(places) > 80
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
