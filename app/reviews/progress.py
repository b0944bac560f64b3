"""How far an import has come: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_SECONDS = 30.0
READING, ANALYSING = "reading files", "analysing reviews"

Show = Callable[[int, int], None]


@contextmanager
def shown(console: Console) -> Iterator[Show]:
    """A callback with the reviews done and their total."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(READING, total=None)
        yield lambda done, total: bar.update(task, description=ANALYSING, completed=done, total=total)


def _lines(console: Console) -> Show:
    due = time.monotonic() + LINE_SECONDS

    def show(done: int, total: int) -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + LINE_SECONDS
            console.print(f"{ANALYSING}: {done:,} of {total:,}", highlight=False)

    return show
