"""The command `reviewlens ingest`."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from app.database import Database
from app.faults import StoreError
from app.reviews import report
from app.reviews.files import ChangedError, find
from app.reviews.ingest import ImportReport, IngestError
from app.reviews.ingest import ingest as import_files
from app.reviews.progress import shown
from app.reviews.repository import Repository
from app.reviews.rows import expected
from app.settings import AppSettings
from app.variables import warn_unknown
from telemetry.settings import LISTENER_HOST

if TYPE_CHECKING:
    from telemetry.serve import MetricsServer

SOME_SKIPPED = 1
USAGE = 2
METRICS_HOST, METRICS_PORT = "127.0.0.1", 8001
OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
SERVICE_NAME = "crawl-script"  # the job of its scrape; under the API's name its pushes would undo the API's


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, and folders with files: .csv, .json, .jsonl, .ndjson.")
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(help="Category key of all reviews files; default: the longest key in each file's name."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and report; write nothing.")] = False,
    watch: Annotated[
        Path | None, typer.Option(help="Folder to import from whenever files come or change, until stopped.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            show_default=str(METRICS_PORT),
            help="Port of this command's own /metrics; 0 takes a free one. Where the default is taken, "
            "there are none.",
        ),
    ] = None,
    metrics_host: Annotated[
        str | None,
        typer.Option(
            show_default=METRICS_HOST,
            help="Address that /metrics listens on; 0.0.0.0 where containers scrape it.",
        ),
    ] = None,
    metrics: Annotated[bool, typer.Option(help="Serve /metrics while it runs.")] = True,
) -> None:
    """Import factors, questions and reviews; the columns of a file tell its kind.

    Bad rows never stop good ones: each reason is listed with file, lines and column. An import writes up to
    5,000 reviews at once, and none if it is interrupted; more reviews come in portions of 5,000, and the same
    import resumes after the last portion. Repeated rows count as duplicates. A running API serves imported
    rows at once. A category's samples go with its first own rows.

    If OTEL_EXPORTER_PROMETHEUS_HOST is set, /metrics listens on it by default.

    Exit code: 0 all rows were new or known; 1 something was skipped (the rest is imported), or nothing could
    be written; 2 wrong usage. --watch alone ends with 0 on SIGTERM or Ctrl-C.
    """
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    warn_unknown()
    _check(paths or [], watch)
    repository = _repository()
    with _metrics(metrics_host, metrics_port, console) if metrics else nullcontext():
        try:
            done = _import(repository, paths, category, dry_run, console) if paths else None
        except IngestError as error:
            _fail(str(error), SOME_SKIPPED)
        if watch is not None:
            _watch(repository, watch, category, dry_run, console)
    if done is not None and done.problems:
        raise typer.Exit(SOME_SKIPPED)


def _repository() -> Repository:
    try:
        repository = Repository(Database(AppSettings.from_env().database))
        repository.database.probe()
    except StoreError as error:
        _fail(str(error), USAGE)
    return repository


def _check(paths: Sequence[Path], watch: Path | None) -> None:
    if watch is not None and not watch.is_dir():
        _fail(f"--watch {watch}: not a folder; expected one that exists", USAGE)
    if not paths and watch is None:
        _fail("nothing to import: expected files or folders, or --watch DIR", USAGE)
    for path in paths:
        if not path.exists():
            _fail(f"{path}: no such file or folder", USAGE)
    if paths and not find(paths):
        _fail(f"{', '.join(map(str, paths))}: no file to import; {expected()}", USAGE)


def _import(
    repository: Repository, paths: Sequence[Path], category: str | None, dry_run: bool, console: Console
) -> ImportReport:
    with shown(console) as progress:
        done = import_files(repository, paths, category, dry_run, progress)
    if done.files:
        report.show(done, dry_run)
    return done


def _watch(
    repository: Repository, folder: Path, category: str | None, dry_run: bool, console: Console
) -> None:
    """Import the folder's files and later ones until a signal; store failures do not end it."""
    from app.reviews.watch import follow

    waiting: dict[Path, None] = {}  # refused: a factors file may still come that explains them
    failed: dict[Path, None] = {}  # the store failed, or a file changed: retried with the next batch

    def take(files: Sequence[Path], again: bool = False) -> None:
        failed.update(dict.fromkeys(files))
        try:
            done = _import(repository, list(failed), category, dry_run, console)
            failed.clear()
            waiting.update((problem.file, None) for problem in done.problems if problem.whole_file)
            if done.factors_taken and waiting:
                failed.update((path, None) for path in waiting if path.exists())
                waiting.clear()
                _import(repository, list(failed), category, dry_run, console)
                failed.clear()
        except IngestError as error:
            if isinstance(error.__cause__, ChangedError) and not again:
                take((), again=True)
                return
            message = f"reviewlens ingest: {error}; it is tried again when files change"
            typer.secho(message, fg="red", err=True)

    with _stopped_by_signals() as stop:
        console.print(f"watching {folder}; stop with Ctrl-C", soft_wrap=True, highlight=False)
        follow(folder, stop, take)


@contextmanager
def _metrics(host: str | None, port: int | None, console: Console) -> Iterator[None]:
    """Serve /metrics in the block; if nobody asked for the port and it is taken, go on without."""
    import telemetry

    server = _served(host, port, console)
    try:
        yield
    finally:
        if server:
            server.close()
        telemetry.shutdown()


def _served(asked_host: str | None, asked_port: int | None, console: Console) -> MetricsServer | None:
    """The server of /metrics, or None after a warning. An explicit address must be free."""
    import telemetry

    given = asked_host or os.environ.get(LISTENER_HOST)
    host, port = given or METRICS_HOST, METRICS_PORT if asked_port is None else asked_port
    at = f"[{host}]" if ":" in host else host
    try:
        server = telemetry.serve_metrics(port, host, service_name=SERVICE_NAME)
    except OSError as error:
        if (asked_port if error.errno in OF_THE_PORT else given) is None:
            said = f"no /metrics at {at}:{port}: {error.strerror}; --metrics-port names another port, 0 any"
            typer.secho(f"reviewlens ingest: {said}", fg="yellow", err=True)
            return None
        named = f"{LISTENER_HOST}={given}" if given and not asked_host else f"--metrics-host {host}"
        _fail(
            f"{named} --metrics-port {port}: {error.strerror}; expected an address of this "
            "machine and a free port. Give others, port 0 for any, or --no-metrics",
            USAGE,
        )
    console.print(f"metrics on http://{at}:{server.port}/metrics", highlight=False)
    return server


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; an import under way is finished first."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(message: str, code: int) -> NoReturn:
    typer.secho(f"reviewlens ingest: {message}", fg="red", err=True)
    raise typer.Exit(code)
