"""The `reviewlens` command."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app import __version__, injected
from app.commands import Commands
from app.settings import MOST, PREFIX, AppSettings, AppSettingsError
from telemetry.scrape.listening import Listening
from telemetry.secrets import shown

MOST_WORKERS = 512
cli = typer.Typer(
    name="reviewlens",
    cls=Commands,
    help="ReviewLens: a review dialogue service and its observability.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [env: REVIEWLENS_HOST].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on [env: REVIEWLENS_PORT, PORT].")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_WORKERS, help="Processes that serve [env: WEB_CONCURRENCY].", show_default="1"
        ),
    ] = None,
) -> None:
    """Serve the API, with /metrics beside it. Any worker's /metrics answers for all of them."""
    from app import serving

    _drop_injected()
    port_key = _take_platform_port()
    settings = AppSettings.from_env()
    service = Listening(
        host or settings.host,
        settings.port if port is None else port,
        "--host" if host else "REVIEWLENS_HOST",
        port_key if port is None else "--port",
    )
    workers = workers or _number(
        "WEB_CONCURRENCY", f"a number of processes, 1 to {MOST_WORKERS}", 1, MOST_WORKERS
    )
    if service.port:
        os.environ["REVIEWLENS_PORT"] = str(service.port)  # names the instance in pushes
    _check(settings, service)
    serving.run(service.host, service.port, workers)


def _check(settings: AppSettings, service: Listening) -> None:
    """Check once what would end each worker: an ended worker is restarted, for ever."""
    from app.llm.settings import LLMSettings
    from app.service import prepare
    from telemetry import access, logs

    logs.configure(settings.log_format, settings.log_level)
    LLMSettings.from_env()
    access.check(os.environ, service)
    prepare(settings)


def _drop_injected() -> None:
    """Drop them and say so once here: no worker repeats it, or meets a variable that is no setting."""
    if ignored := injected.names(os.environ, PREFIX):
        typer.echo(injected.line(ignored), err=True)
    for name in ignored:
        del os.environ[name]


def _take_platform_port() -> str:
    """Take the port from PORT, where container platforms set it, unless REVIEWLENS_PORT is set.

    Returns the variable that holds it.
    """
    if os.environ.get("REVIEWLENS_PORT"):
        return "REVIEWLENS_PORT"
    if port := _number("PORT", "a port to listen on, such as 8000", 1, 65_535):
        os.environ["REVIEWLENS_PORT"] = str(port)
        return "PORT"
    return "REVIEWLENS_PORT"


def _number(variable: str, expected: str, least: int, most: int = MOST) -> int | None:
    """The integer in another program's variable; None if it is unset."""
    text = os.environ.get(variable)
    if not text:
        return None
    if not text.strip().isdecimal() or not least <= int(text) <= most:
        raise AppSettingsError(f"{variable}={shown(text)!r}: expected {expected}")
    return int(text)


@cli.command()
def metrics() -> None:
    """Print the metric catalogue: every name, its kind, unit, labels and buckets."""
    from telemetry.catalog import CATALOG

    table = Table(title="ReviewLens metrics", title_justify="left")
    for column in ("name", "kind", "unit", "labels", "buckets", "description"):
        table.add_column(column, overflow="fold", no_wrap=column in {"name", "kind"})
    for metric in CATALOG:
        buckets = " ".join(f"{bound:g}" for bound in metric.buckets)
        labels = " ".join(metric.label_names)
        table.add_row(metric.name, metric.kind, metric.unit, labels, buckets, metric.description)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> Any:
    """Run the command; wrong settings are one line with their names, and exit code 2."""
    from app.faults import StoreError
    from telemetry.settings import SettingsError

    try:
        return cli()
    except (AppSettingsError, SettingsError, StoreError) as error:
        typer.secho(f"reviewlens: {error}", fg="red", err=True)
        raise SystemExit(2) from None
