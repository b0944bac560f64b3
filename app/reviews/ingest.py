"""Imports: files are read and checked; then reviews are analysed and written, portion by portion.

A portion is a short transaction, so that no shopper's request waits long for the store. Up to PORTION reviews
are one. A larger import that was broken off goes on where it was when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from app.database import Database
from app.reviews import records
from app.reviews.categories import keyed, of_reviews, source
from app.reviews.files import Contents, Problem, read_all
from app.reviews.importing import alone
from app.reviews.ledger import Ledger, Outcome
from app.reviews.mentions import mentions
from app.reviews.models import Factor, Mention, Review
from app.reviews.repository import Repository
from app.reviews.rows import BadFileError, BadRowError, Kind
from telemetry import Timer
from telemetry.metrics import errors_total, ingest_bytes_total, ingest_duration_seconds, ingest_rows_total

PORTION = 5_000  # reviews in one transaction: some 0.2 s where the machine is idle
SMALLEST = 500
HOLD_SECONDS = 0.2  # how long a transaction is to take; the next portion is so much smaller
REST_SECONDS = 0.05  # after each, at least; others that wait for the store have it then

Progress = Callable[[int, int], None]  # reviews analysed and, but for the last portion, written; of how many


class IngestError(RuntimeError):
    """An import that could not be written, or not to its end."""


@dataclass
class FileReport:
    """What became of a file's rows. `updated` are among the `taken`."""

    path: Path
    kind: Kind | None
    taken: int = 0
    updated: int = 0
    duplicates: int = 0
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()

    @property
    def skipped(self) -> int:
        """Bad rows; those of a bad file are not counted."""
        return sum(not problem.whole_file for problem in self.problems)

    def count(self, outcome: Outcome) -> None:
        """Note what became of one row."""
        self.taken += outcome != "duplicate"
        self.updated += outcome == "updated"
        self.duplicates += outcome == "duplicate"


@dataclass(frozen=True)
class Report:
    """What became of an import.

    `leaving`: the samples that made room for own rows, by category and kind. `borrowing`: the categories
    whose own reviews are scored with the sample factors.
    """

    files: tuple[FileReport, ...] = ()
    leaving: tuple[tuple[str, Kind], ...] = ()
    borrowing: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
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
) -> Report:
    """Import files and folders; bad rows never stop good ones. Imports into one store wait for each other.

    `category` is that of all reviews files. A dry run only reads and checks. Nothing is done where `unless`,
    which is asked while the import waits, says true. The rows of the shipped files are samples.
    """
    if dry_run:
        return _take(repository, read_all(paths), category)[1]
    with alone(repository.database.path, unless) as granted:
        if not granted:
            return Report()
        with Timer(ingest_duration_seconds):
            contents = read_all(paths)
            ledger, report = _take(repository, contents, category)
            if ledger.changes:
                _write(repository.database, ledger, progress)
    _count(report, sum(each.size for each in contents))
    return report


def _take(
    repository: Repository, contents: Sequence[Contents], category: str | None
) -> tuple[Ledger, Report]:
    """All rows, held against the store."""
    connection = repository.database.connection
    ledger = records.ledger(connection)
    reports = []
    loaded: set[str] = set()
    for each in contents:
        report = FileReport(
            each.path, each.kind, problems=list(each.problems), unknown_columns=each.unknown_columns
        )
        reports.append(report)
        ledger.next_file()
        try:
            own = of_reviews(each.path, ledger, category) if each.kind == "reviews" else category
        except BadFileError as error:
            report.problems.append(Problem.of_file(each.path, error))
            continue
        needed = _categories(each, own)
        records.add_reviews(connection, ledger, needed - loaded)
        loaded |= needed
        _take_rows(ledger, report, each, own)
    leaving = tuple(sorted((category, kind) for kind, category in ledger.leaving))
    return ledger, Report(tuple(reports), leaving, ledger.borrowing())


def _categories(contents: Contents, category: str | None) -> set[str]:
    """The categories whose stored reviews a file's rows are held against, or make stale."""
    if contents.kind == "reviews":
        return {str(category)}
    return {row.value.category for row in contents.rows if isinstance(row.value, Factor)}


def _take_rows(ledger: Ledger, report: FileReport, contents: Contents, category: str | None) -> None:
    origin = source(contents.path.stem)
    for row in contents.rows:
        try:
            key, record = keyed(row.value, ledger, category, origin, contents.sample)
            report.count(ledger.take(key, record, row.line))
        except BadRowError as error:
            report.problems.append(Problem.of_row(contents.path, row.line, error))


def _write(database: Database, ledger: Ledger, progress: Progress) -> None:
    """Portion by portion, and after each a rest as long as it took."""
    reviews = ledger.to_read()
    start, size, last = 0, PORTION, False
    while not last:
        portion = reviews[start : start + size]
        analysed = _analyse(ledger, portion, lambda done: progress(done, len(reviews)), start)
        with database.transaction() as connection:
            began = time.perf_counter()  # the wait for others before it is none of theirs
            records.write_reviews(connection, ledger, analysed)
            if last := start + size >= len(reviews):
                records.finish(connection, ledger)
        took = time.perf_counter() - began
        start, size = start + size, min(PORTION, max(SMALLEST, int(size * HOLD_SECONDS / took)))
        if not last:
            time.sleep(max(REST_SECONDS, took))


def _analyse(
    ledger: Ledger, portion: Sequence[tuple[str, Review]], progress: Callable[[int], None], before: int
) -> records.Analysed:
    analysed: dict[str, list[tuple[Review, list[Mention]]]] = {}
    done = before
    for category, pairs in groupby(portion, key=itemgetter(0)):
        reviews = [review for _, review in pairs]
        told = analysed[category] = []
        for pair in zip(reviews, mentions(reviews, tuple(ledger.factors(category))), strict=True):
            told.append(pair)
            done += 1
            progress(done)
    return analysed


def _count(report: Report, size: int) -> None:
    ingest_bytes_total.inc(size)
    for file in report.files:
        results = {"taken": file.taken, "skipped": file.skipped, "duplicate": file.duplicates}
        for result, number in results.items():
            if file.kind is not None and number:
                ingest_rows_total.labels(kind=file.kind, result=result).inc(number)
        for problem in file.problems:
            error_type = "bad_file" if problem.whole_file else "bad_row"
            errors_total.labels(error_type=error_type, component="ingest").inc()
