"""The rooms of telemetry/ stand above each other: what a room imports is below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from support.servers import ROOT

ENGINE = ROOT / "telemetry"
FOUNDATION = "foundation"
LAYERS = (
    FOUNDATION,
    "store",
    "workers",
    "record",
    "builtin",
    "scrape",
    "sdk",
    "push",
    "asgi",
    "spans",
    "composition",
    "doctor",
    "look",
    "__main__",
)
"""From the lowest to the highest. A room is a folder; `builtin` has the engine's own metrics, `__main__` its
command."""
BELOW_ALL = {
    "current",
    "guard",
    "logs",
    "loopback",
    "posix",
    "private",
    "secrets",
    "settings",
    "words",
}
"""Modules without a room that every room may import. The other ones put rooms together."""
PRODUCT = {"telemetry.catalog", "telemetry.metrics"}
"""ReviewLens's own metrics. They come to the engine through a registry, which these and the package add."""


def room(module: str) -> str:
    """The room of a module, as `telemetry.store.page`."""
    parts = module.split(".")[1:]
    if parts and parts[0] in LAYERS:
        return parts[0]
    return FOUNDATION if parts and parts[0] in BELOW_ALL else "composition"


def imported(file: Path) -> Iterator[str]:
    """The modules of telemetry that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "telemetry")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "telemetry":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                place = ROOT / inner.replace(".", "/")
                yield inner if place.is_dir() or place.with_suffix(".py").is_file() else str(node.module)


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_room_imports_only_what_is_below_it(layer: str) -> None:
    """A newcomer who reads one room has nothing to learn of those above it."""
    files = [file for file in ENGINE.rglob("*.py") if room(name_of(file)) == layer]
    assert files
    upwards = [
        f"{name_of(file)} imports {module}"
        for file in files
        for module in imported(file)
        if LAYERS.index(room(module)) > LAYERS.index(layer)
    ]
    assert upwards == []


def test_the_engine_knows_no_metric_of_its_product() -> None:
    """Its rooms, its composition and its doctor read from registries what is recorded."""
    files = [file for file in ENGINE.rglob("*.py") if name_of(file) not in {"telemetry", *PRODUCT}]
    assert len(files) > 100
    known = [f"{name_of(file)} imports {name}" for file in files for name in {*imported(file)} & PRODUCT]
    assert known == []


def test_every_folder_is_a_room() -> None:
    """None is missing from the layers, where nothing would be asked of it."""
    folders = {file.parent.name for file in ENGINE.glob("*/*.py")}
    assert folders == set(LAYERS) - {FOUNDATION, "builtin", "composition", "__main__"}


@pytest.mark.parametrize(
    "package", ["telemetry", *(f"telemetry.{folder.parent.name}" for folder in ENGINE.glob("*/__init__.py"))]
)
def test_no_module_has_the_name_of_something_exported(package: str) -> None:
    """`telemetry.instrument` would be one or the other, by what was imported first."""
    folder = ROOT / package.replace(".", "/")
    modules = {file.stem for file in folder.glob("*.py")}
    assert modules & set(getattr(import_module(package), "__all__", ())) == set()
