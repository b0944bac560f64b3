"""The figures as Markdown: a table a part, and one of what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.part import Figures, Part
from benchmarks.targets import TARGETS, Target


@dataclass
class MeasuredPart:
    """A part and what came of it; `left_out` has the reason by row, or under "" for the whole part."""

    part: Part
    figures: Figures = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> list[Target]:
        """What is promised of it."""
        return [target for target in TARGETS if target.part == self.part.name]

    def tells(self, target: Target) -> bool:
        """Whether all that a target compares was measured."""
        return target.rows <= self.figures.keys()


def tables(measured: MeasuredPart) -> list[str]:
    """The part's table: median, spread, how a row compares with the base, and each target beside its row."""
    part, figures = measured.part, measured.figures
    lines = [f"## {part.title}", "", part.about, ""]
    if figures:
        heads = ["", f"median, {part.unit}", "min to max", *_against(part), "target", "measured", "met"]
        lines += [*_table([heads, *(_row(measured, name) for name in figures)]), ""]
    if measured.left_out:
        lines += [f"- {name or 'All'} left out: {why}" for name, why in measured.left_out.items()]
        lines.append("")
    return lines


def summary(all_measured: Sequence[MeasuredPart]) -> list[str]:
    """Every promise in one table."""
    rows = [["part", "what", "target", "measured", "met"]]
    for measured in all_measured:
        for target in measured.targets:
            what = [measured.part.title, target.of, target.says(measured.part.unit)]
            rows.append([*what, *_verdict(measured, target)])
    return ["## Targets", "", *_table(rows), ""] if len(rows) > 1 else []


def _against(part: Part) -> list[str]:
    if part.base is None:
        return []
    return [f"ratio to {part.base}", *([f"above {part.base}, {part.unit}"] if part.added else [])]


def _row(measured: MeasuredPart, name: str) -> list[str]:
    part, values = measured.part, measured.figures[name]
    cells = [name, number(median(values)), f"{number(min(values))} to {number(max(values))}"]
    if part.base is not None:
        pairs = list(zip(values, measured.figures[part.base], strict=True))
        cells.append(f"{median(value / base for value, base in pairs):.2f}")
        if part.added:
            cells.append(number(median(value - base for value, base in pairs)))
    targets = [target for target in measured.targets if target.of == name]
    verdicts = [_verdict(measured, target) for target in targets]
    return [
        *cells,
        "; ".join(target.says(part.unit) for target in targets),
        *("; ".join(column) for column in zip(*verdicts, strict=True)),
        *([] if targets else ["", ""]),
    ]


def _verdict(measured: MeasuredPart, target: Target) -> tuple[str, str]:
    if not measured.tells(target):
        return "not measured", ""
    return number(target.measured(measured.figures)), "yes" if target.met(measured.figures) else "no"


def number(value: float) -> str:
    """Three figures, and all of them before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [head, "|" + " --- |" * len(rows[0]), *body]
