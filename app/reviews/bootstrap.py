"""The sample catalogue, imported when a store is used for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.database import Database
from app.reviews.repository import Repository

SAMPLES = Path(__file__).parent / "samples"
SECONDS = 120


def load_samples(repository: Repository) -> None:
    """Import the samples if the store has no product. Takes about 3 s then, and one query ever after.

    It is done in a process of its own: the analyser's half gigabyte must not stay in a worker.
    """
    if repository.products():
        return
    command = [sys.executable, "-m", "app.reviews.bootstrap", str(repository.database.path.resolve())]
    quiet = {**os.environ, "OTEL_SDK_DISABLED": "true"}  # else it would export under the API's own name
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the sample reviews could not be imported: {done.stderr.strip()[-2000:]}")


def main(path: str) -> None:
    """Import the samples into the store at `path`, unless somebody was faster."""
    from app.reviews.ingest import ingest

    repository = Repository(Database(Path(path)))
    if repository.products():
        return
    report = ingest(repository, [SAMPLES])
    if report.problems:
        first = report.problems[0]
        raise SystemExit(
            f"{first.file.name}:{first.line}: {first.reason} ({len(report.problems)} problems in all)"
        )


if __name__ == "__main__":
    main(sys.argv[1])
