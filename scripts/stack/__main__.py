"""`python -m scripts.stack ACTION`: what the scripts and make targets call."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from app import injected
from app.ports import PORTS
from app.settings import PREFIX
from scripts.stack import ask
from scripts.stack.dialogues import drive
from scripts.stack.environment import API_KEYS
from scripts.stack.errors import StackError
from scripts.stack.health import has_page, tail
from scripts.stack.manifest import DOWNLOAD_BASE
from scripts.stack.modes import MODE, MODES, OTLP, mode_of
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.render import grafana_password
from scripts.stack.running import RunningStack
from scripts.stack.services import REVIEWLENS, Service, api
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack
from scripts.stack.supervisor import Supervisor
from scripts.stack.table import table

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="The ReviewLens stack on this machine.")
cli.add_typer(ask.cli, name="ask")


Mode = Annotated[
    str | None, typer.Option(help=f"{' or '.join(MODES)}; else what {MODE[0]} says, else {MODE[1]}.")
]


def _stack(mode: str | None = None) -> Stack:
    if ignored := injected.names(os.environ, PREFIX):
        typer.echo(injected.line(ignored))
    return Stack(_settings(mode), typer.echo)


def _settings(mode: str | None) -> StackSettings:
    return StackSettings.from_env({**os.environ, MODE[0]: mode_of(os.environ, mode)} if mode else os.environ)


def _joining(mode: str | None) -> Stack:
    """A stack of the requested mode, else of the running one."""
    supervisor = Supervisor(_settings(mode))
    if not mode and not os.environ.get(MODE[0]) and supervisor.running():
        mode = supervisor.started_with().mode
    return _stack(mode)


def _running() -> RunningStack:
    return RunningStack(StackSettings.from_env(), typer.echo)


@cli.command()
def up(mode: Mode = None) -> None:
    """Start everything, wait until it is healthy, drive real dialogues, print what Prometheus says."""
    stack = _stack(mode)
    started = stack.up()
    driven = bool(started.fresh) and any(service.name == "prometheus" for service in started.services)
    if not started.fresh:
        typer.echo("All of it was running already. `make demo` drives scenarios against it.")
    code = drive(StackPrometheus(stack.settings.url("prometheus")), typer.echo) if driven else 0
    if code or not driven:
        _addresses(stack, started.services)
    _notes(stack, started.services)
    typer.echo(f"Dashboards, also without Grafana: {stack.settings.url('look')}")
    raise typer.Exit(code)


@cli.command()
def down() -> None:
    """Stop everything and leave nothing behind but data and logs."""
    _stack().down()
    typer.echo("Everything is stopped.")


@cli.command()
def start_monitoring(mode: Mode = None) -> None:
    """Start Prometheus, Alertmanager and Grafana; in mode otlp the collector, too."""
    stack = _joining(mode)
    started = stack.start_monitoring().services
    _addresses(stack, started)
    _notes(stack, started)


@cli.command()
def stop_monitoring() -> None:
    """Stop the services of start-monitoring; the API goes on."""
    _stack().stop_monitoring()
    typer.echo("Monitoring is stopped.")


@cli.command()
def status() -> None:
    """Print each service with state, process and address. Code 1 when nothing runs."""
    typer.echo(table(_running().status()))


@cli.command()
def demo() -> None:
    """Drive named scenarios against the running stack, at the ports that it was started with."""
    started = _started()
    _become("demo", environ={variable: str(started.ports[name]) for name, (variable, _) in PORTS.items()})


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def doctor(context: typer.Context) -> None:
    """Check the settings of the running stack's service, and its series in Prometheus.

    Options are those of `reviewlens doctor`.
    """
    started = _started()
    prometheus = [] if "--prometheus" in context.args else ["--prometheus", started.url("prometheus")]
    _become("doctor", *prometheus, *context.args, environ=api(started).environment)


def _started() -> StackSettings:
    """The settings of the stack that runs, else of this shell."""
    caller = StackSettings.from_env()
    supervisor = Supervisor(caller)
    return supervisor.started_with() if supervisor.running() else caller


def _become(*words: str, environ: Mapping[str, str]) -> None:
    os.execve(REVIEWLENS[0], [*REVIEWLENS, *words], {**os.environ, **environ})  # noqa: S606 - no shell is meant


@cli.command()
def logs(
    service: Annotated[str, typer.Argument(help="The service.")] = "api",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 50,
) -> None:
    """Print the end of a service's log."""
    folder = StackSettings.from_env().logs
    known = sorted(path.stem for path in folder.glob("*.log"))
    if service not in known:
        there = f"there are {', '.join(known)}." if known else "nothing has run yet; `make up` starts it."
        raise StackError(f"there is no log of {service!r} in {folder}; {there}")
    typer.echo(tail(folder / f"{service}.log", lines))


@cli.command()
def restart(service: Annotated[str, typer.Argument(help="The service.")]) -> None:
    """Restart one service and wait until it is ready. Code 2 when settings have changed since the start."""
    _running().restart(service)


@cli.command()
def reload() -> None:
    """Let Prometheus and Alertmanager read their configuration again."""
    _running().reload()


def _addresses(stack: Stack, started: list[Service]) -> None:
    settings = stack.settings
    typer.echo("Running, and restarted when it fails:")
    for service in started:
        typer.echo(f"  {service.name:<13} {settings.url(service.name)}")


def _notes(stack: Stack, started: list[Service]) -> None:
    settings = stack.settings
    names = {service.name for service in started}
    typer.echo(_way(settings) if "prometheus" in names else _uncollected(settings))
    if "grafana" in names:
        typer.echo(f"Grafana's user is admin; its password is in {grafana_password(settings)}.")
    bare = [
        name for name in ("prometheus", "alertmanager") if name in names and not has_page(settings.url(name))
    ]
    if bare:
        typer.echo(
            f"No web page comes with this build of {' and '.join(bare)}: "
            "ask with scripts/ask.sh query EXPR, scripts/ask.sh alerts, scripts/ask.sh targets."
        )
    if "simulator" in names:
        typer.echo(f"No API key is set, so the LLM simulator answers. Real services: {', '.join(API_KEYS)}.")


def _way(settings: StackSettings) -> str:
    """The mode, and the addresses on its way."""
    if settings.mode != OTLP:
        return f"Mode {settings.mode}: Prometheus scrapes {_page(settings)}."
    return (
        f"Mode {settings.mode}: the API pushes to the collector ({settings.url('collector')}, gRPC "
        f"localhost:{settings.ports['collector-grpc']}), and Prometheus scrapes that at "
        f"{settings.url('collector-scrape')}/metrics. Of the collector itself: "
        f"{settings.url('collector-metrics')}/metrics."
    )


def _uncollected(settings: StackSettings) -> str:
    """Without Prometheus."""
    return (
        "Without Prometheus nobody collects the numbers, and no alert is evaluated. "
        f"They are at {_page(settings)} while the API runs. To have it: `make down`, "
        f"put prometheus on PATH or name a mirror in {DOWNLOAD_BASE}, then `make up`."
    )


def _page(settings: StackSettings) -> str:
    path = settings.scraping.get("metrics_path", "/metrics")
    return f"http://localhost:{settings.metrics_port}{path}"


def main() -> None:
    """Run an action; a failure is one message and a code above 0."""
    try:
        cli(prog_name="scripts/stack.sh")
    except StackError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.code)
    except FileNotFoundError as error:
        missing = f"error: {error.filename} is missing; `git status` shows what this clone lacks"
        typer.secho(missing, fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
