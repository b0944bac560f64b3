"""Import files: look through them, compare rows with the store, analyse and write reviews.

No file is held in memory at once, so an import's memory does not grow with its rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from app.database import Database
from app.faults import StoreError, explained
from app.reviews import records
from app.reviews.categories import Keyed, keyed_rows
from app.reviews.files import ChangedError, Contents, ImportProblem, look_all
from app.reviews.importing import alone
from app.reviews.ledger import ImportLedger, Outcome
from app.reviews.portions import Steps, write
from app.reviews.records import Reading
from app.reviews.repository import Repository
from app.reviews.rows import BadRowError, Kind
from app.reviews.seen import SeenRowsOnDisk
from telemetry import Timer
from telemetry.metrics import errors_total, ingest_bytes_total, ingest_duration_seconds, ingest_rows_total

Progress = Callable[[int, int], None]  # rows of reviews gone through, of how many
Destination = Callable[[Database, ImportLedger, Iterator[Reading], Steps], None]


class IngestError(StoreError):
    """An import that could not be written, or not to its end."""


@dataclass
class FileReport:
    """What became of a file's rows. `updated` are among the `taken`."""

    path: Path
    kind: Kind | None
    taken: int = 0
    updated: int = 0
    duplicates: int = 0
    problems: list[ImportProblem] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, contents: Contents) -> FileReport:
        """As the file was looked through."""
        problems = [contents.problem] if contents.problem else []
        return cls(contents.path, contents.kind, problems=problems, unknown_columns=contents.unknown_columns)

    @property
    def skipped(self) -> int:
        """Bad rows; those of a bad file are not counted."""
        return sum(not problem.whole_file for problem in self.problems)

    def count(self, outcome: Outcome) -> None:
        """Count a row's result."""
        self.taken += outcome != "duplicate"
        self.updated += outcome == "updated"
        self.duplicates += outcome == "duplicate"


@dataclass(frozen=True)
class ImportReport:
    """The result of an import.

    `leaving`: the samples that made room for own rows, by category and kind. `borrowing`: the categories
    whose own reviews are scored with the sample factors.
    """

    files: tuple[FileReport, ...] = ()
    leaving: tuple[tuple[str, Kind], ...] = ()
    borrowing: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[ImportProblem, ...]:
        return tuple(problem for file in self.files for problem in file.problems)

    @property
    def factors_taken(self) -> bool:
        """Whether there are factors that were not there before."""
        return any(file.kind == "factors" and file.taken for file in self.files)


def ingest(
    repository: Repository,
    paths: Sequence[Path],
    category: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
    unless: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Import files and folders; bad rows never stop good ones. Imports into one store wait for each other.

    `category` applies to all reviews files. A dry run only reads and checks. `unless` is asked while the
    import waits; if it returns true, nothing is imported. The rows of shipped files are samples. Raises
    IngestError.
    """
    database, steps = repository.database, Steps(progress)
    with _faults_named(database.path, steps):
        if dry_run:
            return _import(database, look_all(paths), category, steps, _pass_over)
        with alone(database.path, unless) as granted:
            if not granted:
                return ImportReport()
            with Timer(ingest_duration_seconds):
                files = look_all(paths)
                report = _import(database, files, category, steps, write)
    _count(report, sum(each.size for each in files))
    return report


@contextmanager
def _faults_named(store: Path, steps: Steps) -> Iterator[None]:
    """Turn every fatal error in the block into an IngestError that holds the counts so far."""
    try:
        with explained(store):
            yield
    except (StoreError, ChangedError) as error:
        some = "a part was written, and the same import again takes the rest"
        raise IngestError(f"{error}; {some if steps.written else 'nothing was written'}") from error


def _import(
    database: Database, files: Sequence[Contents], category: str | None, steps: Steps, to: Destination
) -> ImportReport:
    connection = database.connection
    with closing(SeenRowsOnDisk(database.path)) as seen:
        ledger = records.ledger(connection, seen)
        reports = [FileReport.of(each) for each in files]
        reviews: list[Iterator[Reading]] = []
        for each, report in zip(files, reports, strict=True):
            if each.kind == "reviews":
                steps.total += each.count
                reviews.append(_changes(ledger, each, report, category, steps))
            else:  # all of these come first: they change how reviews are read
                deque(_changes(ledger, each, report, category, Steps()), maxlen=0)
        steps.total += records.count(connection, ledger.stale)
        to(database, ledger, chain(records.stored(connection, ledger.stale), *reviews), steps)
    leaving = tuple(sorted((category, kind) for kind, category in ledger.leaving))
    return ImportReport(tuple(reports), leaving, ledger.borrowing())


def _changes(
    ledger: ImportLedger, contents: Contents, report: FileReport, category: str | None, steps: Steps
) -> Iterator[Reading]:
    """The rows of a file that are new or say something new."""
    ledger.next_file()
    for row in keyed_rows(contents, ledger, category):
        if changed := _taken(ledger, row, report):
            yield changed
        else:
            steps.step()


def _taken(ledger: ImportLedger, row: Keyed | ImportProblem, report: FileReport) -> Reading | None:
    """Take a row, and note what became of it."""
    if isinstance(row, ImportProblem):
        report.problems.append(row)
        return None
    try:
        outcome = ledger.take(row.key, row.record, row.line)
    except BadRowError as error:
        report.problems.append(ImportProblem.of_row(report.path, row.line, error))
        return None
    report.count(outcome)
    return None if outcome == "duplicate" else Reading(row.key, row.record, changed=True)


def _pass_over(database: Database, ledger: ImportLedger, readings: Iterator[Reading], steps: Steps) -> None:
    """Write nothing."""
    for _ in readings:
        steps.step()


def _count(report: ImportReport, size: int) -> None:
    ingest_bytes_total.inc(size)
    for file in report.files:
        results = {"taken": file.taken, "skipped": file.skipped, "duplicate": file.duplicates}
        for result, number in results.items():
            if file.kind is not None and number:
                ingest_rows_total.labels(kind=file.kind, result=result).inc(number)
        for problem in file.problems:
            error_type = "bad_file" if problem.whole_file else "bad_row"
            errors_total.labels(error_type=error_type, component="ingest").inc()
