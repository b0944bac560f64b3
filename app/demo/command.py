"""The command `reviewlens demo`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from app.demo import changes, report
from app.demo.addresses import ProxyError, client, pages
from app.demo.compare import Outcome
from app.demo.run import Driver, NotPossibleError
from app.demo.scenarios import BY_NAME, QUICK, SCENARIOS, Scenario
from app.demo.scraped import now
from app.demo.simulator import SimulatorClient
from app.ports import address
from telemetry.doctor.prometheus import Prometheus, PrometheusError
from telemetry.secrets import cleaned, without_secrets

QUICK_SHOPPERS = 8
SHOPPERS = 12
# A verdict may take the whole deadline of the LLM chain, 25 s.
ANSWER_SECONDS = 60.0
ASKING_SECONDS = 10.0
DIFFERS = 3


def demo(
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="Play only this scenario; may be given several times. --list names them."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A short look: {QUICK_SHOPPERS} dialogues, then the report.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print the scenarios and what they show.")] = False,
    every: Annotated[
        bool, typer.Option("--all", "-v", help="Print every series that was compared, not one screen.")
    ] = False,
    shoppers: Annotated[
        int | None, typer.Option(min=1, max=10_000, help=f"Shoppers in each scenario (default {SHOPPERS}).")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of everything that varies: the same one, the same run.")
    ] = 0,
    api_url: Annotated[str | None, typer.Option(help="The API (default: here).")] = None,
    prometheus_url: Annotated[str | None, typer.Option(help="Prometheus (default: here).")] = None,
    simulator_url: Annotated[str | None, typer.Option(help="The LLM simulator (default: here).")] = None,
) -> None:
    """Drive shoppers against the running stack, and show Prometheus's view of it.

    Every scenario keeps an account of its requests and waits until Prometheus
    has scraped them; the two are compared series by series, red if they
    differ. --all prints each series.

    The LLM simulator makes providers fail or dawdle, and restores them
    afterwards. With real API keys, those scenarios are left out.

    Here is this machine, at REVIEWLENS_PORT, REVIEWLENS_PROMETHEUS_PORT and
    REVIEWLENS_SIMULATOR_PORT; `make demo` takes those of the running stack.

    Exit codes: 0 all went well; 1 the stack cannot be reached; 3 requests went
    wrong, or numbers differ; 130 or 143 it was stopped, and all scripts undone.
    """
    console = Console(width=None if sys.stdout.isatty() else 110)
    if list_:
        console.print(_scenarios())
        return
    chosen = _chosen(scenario or [], quick)
    count = shoppers or (QUICK_SHOPPERS if quick else SHOPPERS)
    urls = (
        (api_url or address("api")).rstrip("/"),
        (prometheus_url or address("prometheus")).rstrip("/"),
        (simulator_url or address("simulator")).rstrip("/"),
    )
    stopped_by: list[signal.Signals] = []
    try:
        good = asyncio.run(_demo(console, urls, chosen, count, seed, every, stopped_by))
    except asyncio.CancelledError:
        typer.echo("reviewlens demo: stopped; what was scripted on the simulator is undone.", err=True)
        raise typer.Exit(128 + stopped_by[0]) from None
    except (NotPossibleError, PrometheusError, ProxyError, httpx.HTTPError) as error:
        typer.secho(f"reviewlens demo: {_words(error)}", fg="red", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if good else DIFFERS)


def _words(error: Exception) -> str:
    """What went wrong, and where; nothing secret of an address."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{without_secrets(str(error.request.url))} answered {error.response.status_code}"
    where = isinstance(error, httpx.TransportError) and f" ({without_secrets(str(error.request.url))})"
    return f"{cleaned(str(error))}{where or ''}"


def _chosen(names: list[str], quick: bool) -> tuple[Scenario, ...]:
    for name in names:
        if name not in BY_NAME:
            raise typer.BadParameter(
                f"{name!r} is no scenario; there are {', '.join(BY_NAME)}", param_hint="--scenario"
            )
    everything = QUICK if quick else SCENARIOS
    return tuple(BY_NAME[name] for name in names) or everything


def _scenarios() -> Table:
    table = Table(title="Scenarios of reviewlens demo", title_justify="left")
    for column in ("name", "what it shows", "what moves"):
        table.add_column(column, overflow="fold")
    for scenario in SCENARIOS:
        table.add_row(scenario.name, scenario.shows, "\n".join(scenario.moves))
        table.add_section()
    return table


async def _demo(
    console: Console,
    urls: tuple[str, str, str],
    chosen: tuple[Scenario, ...],
    shoppers: int,
    seed: int,
    every: bool,
    stopped_by: list[signal.Signals],
) -> bool:
    api_url, prometheus_url, simulator_url = urls
    prometheus = Prometheus(prometheus_url, ASKING_SECONDS)
    async with client(httpx.AsyncClient, api_url, ANSWER_SECONDS) as api:
        await _reach(api, prometheus)
        with _simulator(simulator_url) as simulator, _stoppable(stopped_by), _Bars(console) as bars:
            driver = Driver(api, prometheus, simulator, bars, seed=seed)
            warning = await driver.prepare(chosen)
            outcomes = [await driver.play(scenario, shoppers) for scenario in chosen]
        says = await report.says(prometheus, driver.began, every)
    console.print(changes.everything(outcomes) if every else changes.brief(outcomes), "", says, "")
    _complain(console, warning, outcomes)
    for name, url in await pages(api_url, prometheus_url):
        console.print(f"  {name:<13} {without_secrets(url)}", highlight=False)
    return all(outcome.good for outcome in outcomes)


async def _reach(api: httpx.AsyncClient, prometheus: Prometheus) -> None:
    where = without_secrets(str(api.base_url))
    try:
        answer = await api.get("/readyz")
    except httpx.HTTPError as error:
        raise NotPossibleError(
            f"the API does not answer at {where} ({type(error).__name__}): run `make up` first; "
            "`make demo` finds a stack at other ports"
        ) from error
    if not answer.is_success:
        raise NotPossibleError(
            f"the API at {where} is not ready: {answer.status_code} {cleaned(answer.text)[:200]}"
        )
    try:
        await now(prometheus)
    except PrometheusError as error:
        raise NotPossibleError(f"Prometheus does not answer: {error}; run `make up` first") from error


@contextmanager
def _simulator(url: str) -> Iterator[SimulatorClient | None]:
    with client(httpx.Client, url, 10) as http:
        simulator = SimulatorClient(http)
        yield simulator if simulator.answers() else None


@contextmanager
def _stoppable(stopped_by: list[signal.Signals]) -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the run, so that what was changed is undone; the signal is noted."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop(by: signal.Signals) -> None:
        stopped_by.append(by)
        if task:
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError):  # on Windows
        for by in signals:
            loop.add_signal_handler(by, stop, by)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for by in signals:
                loop.remove_signal_handler(by)


def _complain(console: Console, warning: str, outcomes: list[Outcome]) -> None:
    lines = [warning] if warning else []
    lines += [line for outcome in outcomes for line in changes.complaints(outcome)]
    for line in lines:
        console.print(line, style="yellow" if "left out" in line else "red", highlight=False, markup=False)


class _Bars:
    """A progress bar for each scenario, and a line for each wait."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._bar = self._wait = self._progress.add_task("", total=None, visible=False)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.update(self._wait, visible=False)
        self._progress.stop()

    def begins(self, what: str, steps: int) -> None:
        """A bar of its own."""
        self._progress.update(self._wait, visible=False)
        self._bar = self._progress.add_task(what, total=steps)

    def advances(self) -> None:
        """Move the bar on by one."""
        self._progress.advance(self._bar)

    def waits(self, awaited: str) -> None:
        """Show a line with the awaited event, until something begins."""
        self._progress.reset(self._wait, description=f"waiting for {awaited}", visible=True)
