"""The report of an import, on the terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.reviews.ingest import FileReport, Report

SHOWN = 50


def show(report: Report, dry_run: bool = False) -> None:
    """Print a line per file, then every row that was skipped: file, line, reason. Of many, the first ones."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_table(report, dry_run))
    for problem in report.problems[:SHOWN]:
        what = "file not taken" if problem.whole_file else "row skipped"
        console.print(Text(f"{problem.file}:{problem.line}: {what}: {problem.reason}"), soft_wrap=True)
    if len(report.problems) > SHOWN:
        console.print(f"... and {len(report.problems) - SHOWN} more")
    for file in report.files:
        if file.unknown_columns:
            names = ", ".join(file.unknown_columns)
            console.print(
                Text(f"{file.path}: columns that are not known were left out: {names}"), soft_wrap=True
            )


def _table(report: Report, dry_run: bool) -> Table:
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
