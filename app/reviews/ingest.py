"""Imports: files are read, checked and analysed; then all is written in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.reviews import records
from app.reviews.categories import by_name, given, of_question, source
from app.reviews.files import Contents, Problem, Row, find, read
from app.reviews.ledger import Key, Ledger, Outcome, Record
from app.reviews.mentions import mentions
from app.reviews.models import Factor, Mention, Question, Review
from app.reviews.repository import Repository
from app.reviews.rows import BadFileError, BadRowError, Kind
from telemetry import Timer
from telemetry.metrics import errors_total, ingest_bytes_total, ingest_duration_seconds, ingest_rows_total

ORDER: tuple[Kind | None, ...] = ("factors", "questions", "reviews", None)  # what others need comes first
ATTEMPTS = 5

Progress = Callable[[int, int], None]  # reviews analysed, of how many
Analysed = dict[str, list[tuple[Review, list[Mention]]]]


class IngestError(RuntimeError):
    """An import that could not be written at all."""


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
    """What became of an import."""

    files: tuple[FileReport, ...]

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
) -> Report:
    """Import files and folders; bad rows never stop good ones, and all is written or nothing.

    `category` is that of all reviews files. A dry run does all but write and count. Raises IngestError.
    """
    if dry_run:
        return _import(repository, _sorted(paths), category, dry_run, progress)
    with Timer(ingest_duration_seconds):
        contents = _sorted(paths)
        report = _import(repository, contents, category, dry_run, progress)
    _count(report, sum(each.size for each in contents))
    return report


def _sorted(paths: Sequence[Path]) -> list[Contents]:
    return sorted(map(read, find(paths)), key=lambda contents: ORDER.index(contents.kind))


def _import(
    repository: Repository,
    contents: Sequence[Contents],
    category: str | None,
    dry_run: bool,
    progress: Progress,
) -> Report:
    database = repository.database
    for _ in range(ATTEMPTS):
        ledger = records.ledger(database.connection)
        report = _take(repository, ledger, contents, category)
        analysed = _analyse(ledger, progress)
        if dry_run or not ledger.changes:
            return report
        with database.transaction() as connection:
            # The analysis ran without a lock, so that the API could go on writing. It holds only if nobody
            # else imported meanwhile; else it is made again from what they left.
            if records.generations(connection) == ledger.generations:
                records.write(connection, ledger, analysed)
                return report
    raise IngestError(f"other imports came in between {ATTEMPTS} times; nothing was written. Try again")


def _take(
    repository: Repository, ledger: Ledger, contents: Sequence[Contents], category: str | None
) -> Report:
    reports = []
    loaded: set[str] = set()
    for each in contents:
        report = FileReport(
            each.path, each.kind, problems=list(each.problems), unknown_columns=each.unknown_columns
        )
        reports.append(report)
        ledger.next_file()
        try:
            needed = _categories(each, ledger, category)
        except BadFileError as error:
            report.problems.append(Problem.of_file(each.path, error))
            continue
        records.add_reviews(repository.database.connection, ledger, needed - loaded)
        loaded |= needed
        for row in each.rows:
            _take_row(ledger, report, row, category)
    return Report(tuple(reports))


def _categories(contents: Contents, ledger: Ledger, category: str | None) -> set[str]:
    """The categories whose stored reviews a file's rows are held against, or make stale."""
    if contents.kind == "reviews":
        return {_category_of_file(contents.path, ledger, category)}
    return {row.value.category for row in contents.rows if isinstance(row.value, Factor)}


def _category_of_file(path: Path, ledger: Ledger, category: str | None) -> str:
    known = ledger.categories
    return by_name(path, known) if category is None else given(category, known)


def _take_row(ledger: Ledger, report: FileReport, row: Row, category: str | None) -> None:
    try:
        key = _key(ledger, report.path, row.value, category)
        origin = source(report.path.stem) if key.kind == "reviews" else ""
        report.count(ledger.take(key, Record(row.value, origin), row.line))
    except BadRowError as error:
        report.problems.append(Problem.of_row(report.path, row.line, error))


def _key(ledger: Ledger, path: Path, value: Factor | Question | Review, category: str | None) -> Key:
    if isinstance(value, Factor):
        return Key("factors", value.category, value.factor_key)
    if isinstance(value, Question):
        return Key("questions", of_question(value, ledger, category), value.question_id)
    return Key("reviews", _category_of_file(path, ledger, category), value.review_id)


def _analyse(ledger: Ledger, progress: Progress) -> Analysed:
    to_read = ledger.to_read()
    total, done = sum(map(len, to_read.values())), 0
    analysed: Analysed = {}
    for category, reviews in to_read.items():
        pairs = analysed[category] = []
        for pair in zip(reviews, mentions(reviews, tuple(ledger.factors(category))), strict=True):
            pairs.append(pair)
            done += 1
            progress(done, total)
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
