"""`make bench`: what telemetry costs, contenders taking turns in one run. Ratios carry, figures do not."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import recording, requests, scrape, turn

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-exporter-prometheus",
    "prometheus-client",
    "fastapi",
    "starlette",
)


class Part(NamedTuple):
    """One table: what is measured, its unit, and the contender that the others are compared with."""

    title: str
    unit: str
    run: Callable[[int], dict[str, list[float]]]
    base: str | None


PARTS = (
    Part("One request, in process", "µs", requests.run, "bare"),
    Part("One counter and one histogram, labels given each time", "µs", recording.run, "public OTel calls"),
    Part("One scrape", "ms", scrape.run, None),
    Part("One dialogue turn: retrieval and scoring", "ms", turn.run, None),
)


def rows(part: Part, rounds: int) -> list[str]:
    """The part's table in Markdown: median, spread, and the ratio to the base."""
    figures = part.run(rounds)
    against = f"ratio to {part.base}" if part.base else ""
    lines = [f"## {part.title}", "", f"| | median, {part.unit} | min to max | {against} |"]
    lines.append("| --- | --- | --- | --- |")
    base = median(figures[part.base]) if part.base else None
    for name, values in figures.items():
        ratio = f"{median(values) / base:.2f}" if base else ""
        lines.append(f"| {name} | {median(values):.1f} | {min(values):.1f} to {max(values):.1f} | {ratio} |")
    return [*lines, ""]


def main() -> None:
    """Measure, print, and with --write keep the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds of each contender")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    page = [
        "# Benchmarks",
        "",
        f"Measured by `make bench`, {asked.rounds} rounds, contenders taking turns.",
        "Ratios carry to other machines; figures do not.",
        "",
        f"{platform.machine()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + ".",
        "",
    ]
    for part in PARTS:
        page += rows(part, asked.rounds)
    text = "\n".join(page)
    print(text)  # noqa: T201
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
