"""The sample catalogue, imported when a store is used for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.database import Database
from app.faults import StoreError
from app.reviews.opening import SAMPLES
from app.reviews.repository import Repository

SECONDS = 120


def load_samples(repository: Repository) -> None:
    """Import the samples if nothing was ever imported. Takes about 3 s then, one query later.

    It runs in a process of its own: the analyser's half gigabyte must not stay in a worker. StoreError has
    that process's last words.
    """
    if repository.begun:
        return
    command = [sys.executable, "-m", "app.reviews.bootstrap", str(repository.database.path.resolve())]
    quiet = {**os.environ, "OTEL_SDK_DISABLED": "true"}  # else it would export under the API's own name
    try:
        done = subprocess.run(
            command, env=quiet, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"the sample reviews could not be imported in {SECONDS} s") from error
    if done.returncode != 0:
        last_words = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise StoreError(f"the sample reviews could not be imported: {last_words}")


def main(path: str) -> None:
    """Import the samples into the store at `path`, unless somebody was faster."""
    from app.reviews.ingest import ingest

    try:
        repository = Repository(Database(Path(path)))
        report = ingest(repository, [SAMPLES], unless=lambda: repository.begun)
    except StoreError as error:
        raise SystemExit(str(error)) from None
    if report.problems:
        first = report.problems[0]
        raise SystemExit(
            f"{first.file.name}:{first.line}: {first.reason} ({len(report.problems)} problems in all)"
        )


if __name__ == "__main__":
    main(sys.argv[1])
