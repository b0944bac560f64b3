"""The report of an import, on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.reviews.files import ImportProblem
from app.reviews.ingest import FileReport, ImportReport
from app.reviews.rows import Fault, listed

SHOWN = 50
PLACES = 3


def show(report: ImportReport, dry_run: bool = False) -> None:
    """Print a line per file, then why rows were skipped, a reason once with its first places."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_table(report, dry_run))
    lines = list(reasons(report.problems))
    for line in lines[:SHOWN]:
        console.print(Text(line), soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"... and {len(lines) - SHOWN} more reasons")
    for line in _samples(report):
        console.print(Text(line), soft_wrap=True)
    for file in report.files:
        if file.unknown_columns:
            names = listed(file.unknown_columns)
            console.print(
                Text(f"{file.path}: columns that are not known were left out: {names}"), soft_wrap=True
            )


def _samples(report: ImportReport) -> Iterator[str]:
    for category, kinds in groupby(report.leaving, key=itemgetter(0)):
        yield f"{category}: samples that make room for own rows: {', '.join(kind for _, kind in kinds)}"
    for category in report.borrowing:
        yield f"{category}: own reviews are scored with the sample factors, until you import factors"


def reasons(problems: Iterable[ImportProblem]) -> Iterator[str]:
    """Each reason once: alone with its line, or with how often and where first."""
    groups: dict[tuple[object, ...], list[tuple[ImportProblem, Fault]]] = {}
    for problem in problems:
        for fault in problem.faults:
            same = (fault.column, fault.expected) if fault.column else (fault.given,)
            groups.setdefault((problem.file, problem.whole_file, *same), []).append((problem, fault))
    for members in groups.values():
        yield _alone(*members[0]) if len(members) == 1 else _often(members)


def _alone(problem: ImportProblem, fault: Fault) -> str:
    what = "file not taken" if problem.whole_file else "row skipped"
    return f"{problem.file}:{problem.line}: {what}: {fault}"


def _often(members: list[tuple[ImportProblem, Fault]]) -> str:
    problem, fault = members[0]
    why = f"{fault.column}: expected {fault.expected}" if fault.column else str(fault)
    places = [
        f"line {each.line} {found.given}" if fault.column else f"line {each.line}"
        for each, found in members[:PLACES]
    ]
    if more := len(members) - len(places):
        places.append(f"and {more} more")
    return f"{problem.file}: {len(members)} rows skipped: {why} ({', '.join(places)})"


def _table(report: ImportReport, dry_run: bool) -> Table:
    title = "Import" if not dry_run else "Dry run: nothing was written"
    table = Table(title=title, title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("kind")
    for name in ("taken", "of these updated", "skipped", "duplicates"):
        table.add_column(name, justify="right")
    for file in report.files:
        table.add_row(Text(str(file.path)), file.kind or "unknown", *map(str, _numbers(file)))
    if len(report.files) > 1:
        totals = map(sum, zip(*map(_numbers, report.files), strict=True))
        table.add_section()
        table.add_row("total", "", *map(str, totals))
    return table


def _numbers(file: FileReport) -> tuple[int, int, int, int]:
    return file.taken, file.updated, file.skipped, file.duplicates
