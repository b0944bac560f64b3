"""Follow a folder: hand on new and changed files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import Change, watch

from app.reviews.files import readable

STEP_MS = 250


def follow(folder: Path, stop: threading.Event, take: Callable[[Sequence[Path]], object]) -> None:
    """Hand the folder to `take`, then each batch of new or changed files, until `stop` is set.

    Changes within 1.6 s make one batch, so most files are complete when read. An unfinished file is handed on
    again at its next change. Paths are the folder's own, without links.
    """
    folder = folder.resolve()
    started = False
    for changes in watch(
        folder, stop_event=stop, raise_interrupt=False, rust_timeout=STEP_MS, yield_on_timeout=True
    ):
        if not started:  # the watch is on by now: nothing can slip in between
            started = True
            take([folder])
            continue
        paths = sorted({Path(name) for change, name in changes if change != Change.deleted})
        if files := [path for path in paths if readable(path, folder)]:
            take(files)
