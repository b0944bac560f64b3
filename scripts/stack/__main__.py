"""`python -m scripts.stack ACTION`: what the scripts and make targets call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.demo.addresses import PORTS
from scripts.stack.errors import StackError
from scripts.stack.health import tail
from scripts.stack.render import grafana_password
from scripts.stack.services import COMMANDS, Service
from scripts.stack.settings import API_KEYS, Settings
from scripts.stack.stack import Stack

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="The ReviewLens stack on this machine.")


def _stack() -> Stack:
    return Stack(Settings.from_env(), typer.echo)


@cli.command()
def up() -> None:
    """Start everything, wait until it is healthy, drive real dialogues, print what Prometheus says."""
    stack = _stack()
    started = stack.up()
    driven = bool(started.fresh) and any(service.name == "prometheus" for service in started.services)
    if not started.fresh:
        typer.echo("All of it was running already. `make demo` drives scenarios against it.")
    if driven:
        _drive()
    else:
        _addresses(stack, started.services)
    _notes(stack, started.services)


def _drive() -> None:
    """Shoppers against the running stack, and what Prometheus made of them; its exit code is ours."""
    demo = subprocess.run([COMMANDS / "reviewlens", "demo", "--quick"], check=False)
    if demo.returncode:
        raise typer.Exit(demo.returncode)


@cli.command()
def down() -> None:
    """Stop everything and leave nothing behind but data and logs."""
    _stack().down()
    typer.echo("Everything is stopped.")


@cli.command()
def start_monitoring() -> None:
    """Start Prometheus, Alertmanager and Grafana."""
    stack = _stack()
    started = stack.start_monitoring().services
    _addresses(stack, started)
    _notes(stack, started)


@cli.command()
def stop_monitoring() -> None:
    """Stop Prometheus, Alertmanager and Grafana; the API goes on."""
    _stack().stop_monitoring()
    typer.echo("Monitoring is stopped.")


@cli.command()
def status() -> None:
    """Print each service with state, process and address. Code 1 when nothing runs."""
    rows = _stack().status()
    if not rows:
        typer.echo("Nothing is running. Start it with `make up`.")
        raise typer.Exit(1)
    for name, state, pid, url in rows:
        typer.echo(f"{name:<13} {state:<24} {pid:>8}  {url}")


@cli.command()
def logs(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(PORTS)}.")] = "api",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 50,
) -> None:
    """Print the end of a service's log."""
    path: Path = Settings.from_env().logs / f"{service}.log"
    if not path.exists():
        raise StackError(f"{path} does not exist; services are {', '.join(PORTS)}.")
    typer.echo(tail(path, lines))


@cli.command()
def restart(service: Annotated[str, typer.Argument(help=f"One of {', '.join(PORTS)}.")]) -> None:
    """Restart one service and wait until it is ready."""
    _stack().restart(service)


@cli.command()
def reload() -> None:
    """Let Prometheus and Alertmanager read their configuration again."""
    _stack().reload()


def _addresses(stack: Stack, started: list[Service]) -> None:
    settings = stack.settings
    typer.echo("Running, and restarted when it fails:")
    for service in started:
        typer.echo(f"  {service.name:<13} {settings.url(service.name)}")


def _notes(stack: Stack, started: list[Service]) -> None:
    settings = stack.settings
    names = {service.name for service in started}
    if "grafana" in names:
        typer.echo(f"Grafana's user is admin; its password is in {grafana_password(settings)}.")
    if "simulator" in names:
        typer.echo(f"No API key is set, so the LLM simulator answers. Real services: {', '.join(API_KEYS)}.")


def main() -> None:
    """Run an action; what goes wrong is one message and code 1."""
    try:
        cli()
    except StackError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
