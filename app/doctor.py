"""The command `reviewlens doctor`: what it is asked, and how its report is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.llm.settings import LLMSettings
from app.product import PRODUCT
from app.settings import AppSettings, AppSettingsError
from app.variables import unknown
from telemetry.catalog import CATALOG
from telemetry.doctor.durations import seconds
from telemetry.doctor.finding import Finding, Report, found, report
from telemetry.doctor.subject import Subject

STYLES = {"ok": ("ok", "green"), "warning": ("WARN", "yellow"), "fault": ("FAULT", "bold red")}
LABELS = sorted({name for metric in CATALOG for name in metric.label_names})


def doctor(
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Look into this Prometheus: intervals, targets, double series.")
    ] = "",
    scrape_interval: Annotated[
        str, typer.Option(metavar="TIME", help="The scrape interval to push at, such as 15s.")
    ] = "",
    docker: Annotated[
        bool, typer.Option("--docker", help="Prometheus runs in Docker: can it reach the service?")
    ] = False,
    max_series: Annotated[int | None, typer.Option(min=1, help="Limit of active series.")] = None,
    max_dpm: Annotated[int | None, typer.Option(min=1, help="Limit of data points per minute.")] = None,
    metrics_url: Annotated[
        str, typer.Option(metavar="URL", help="Count the series of a running service, not of the catalogue.")
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=N", help="How many values a label takes, for the estimate; repeatable."),
    ] = None,
    instances: Annotated[int, typer.Option(min=1, help="Processes that are scraped or push.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for each answer.")] = 5.0,
    offline: Annotated[bool, typer.Option("--offline", help="Contact nobody: settings only.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning fails too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A stable form for scripts.")] = False,
) -> None:
    """Check the telemetry settings of this environment before traffic depends on them.

    Sends an empty push to the service's target, and names each fault with its remedy.
    Nothing is changed, and no series is made.

    Exit codes: 0 no fault; 1 a fault, or with --strict a warning; 2 the doctor could not run.

    Examples:

    * `reviewlens doctor` what this shell's variables would do
    * `OTEL_METRICS_EXPORTER=otlp reviewlens doctor` before the switch to OTLP
    * `reviewlens doctor --prometheus http://localhost:9090 --docker` with the stack running
    * `reviewlens doctor --max-series 10000 --max-dpm 60000 --values category=40` against a plan
    * `reviewlens doctor --strict --json | jq .findings` in a pipeline
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its log would stand among the findings
    settings, wrong = _app_settings()
    subject = Subject(
        os.environ,
        PRODUCT,
        api_host=settings.host,
        api_port=settings.port,
        scrape_interval=_interval(scrape_interval),
        prometheus_url=prometheus,
        metrics_url=metrics_url,
        docker=docker,
        max_series=max_series,
        max_points=max_dpm,
        instances=instances,
        values=_values(values or []),
        timeout=timeout,
        offline=offline,
    )
    examined = _examined(subject, wrong)
    if as_json:
        typer.echo(json.dumps(examined.as_dict(), ensure_ascii=False, indent=2))
    else:
        _show(examined)
    raise typer.Exit(0 if examined.healthy(strict) else 1)


def _examined(subject: Subject, wrong: list[Finding]) -> Report:
    """The complete report. The doctor's own failure is no fault of the settings: exit code 2."""
    from telemetry.doctor.checks import examine

    try:
        return report([*wrong, *examine(subject).findings])
    except Exception:
        Console(stderr=True).print_exception()
        raise typer.Exit(2) from None


def _app_settings() -> tuple[AppSettings, list[Finding]]:
    """The service's settings, or their defaults, and the faults of the given ones."""
    wrong: list[Finding] = []
    for name, nearest in unknown(os.environ).items():
        if nearest:
            wrong.append(found("setting.unknown", name, f"rename it: {nearest}"))
    for load in (AppSettings.from_env, LLMSettings.from_env):
        try:
            load()
        except AppSettingsError as error:
            wrong += map(_wrong, error.problems)
    try:
        return AppSettings.from_env(), wrong
    except AppSettingsError:
        return AppSettings.model_construct(), wrong


def _wrong(problem: str) -> Finding:
    return found(
        "setting", problem, f"unset {problem.partition('=')[0]}, or correct it: docs/reference/settings.md"
    )


def _interval(text: str) -> float | None:
    try:
        interval = seconds(text) if text else None
    except ValueError:
        interval = 0.0
    if interval == 0:
        raise typer.BadParameter(
            f"{text!r}: expected a time with its unit, such as 15s", param_hint="--scrape-interval"
        )
    return interval


def _values(given: list[str]) -> dict[str, int]:
    pairs = [pair.partition("=") for pair in given]
    for name, _, number in pairs:
        if name not in LABELS or not number.isdecimal():
            raise typer.BadParameter(
                f"{name}={number}: expected LABEL=NUMBER, with one of {', '.join(LABELS)}",
                param_hint="--values",
            )
    return {name: int(number) for name, _, number in pairs}


def _show(examined: Report) -> None:
    console = Console(highlight=False)
    for finding in examined.findings:
        for line in _lines(finding):
            console.print(line, soft_wrap=True)
    faults, warnings = len(examined.of("fault")), len(examined.of("warning"))
    console.print(
        f"\n{_count(faults, 'fault')}, {_count(warnings, 'warning')}", style="bold" if faults else ""
    )


def _lines(finding: Finding) -> Iterator[Text]:
    word, style = STYLES[finding.severity]
    name = "" if finding.severity == "ok" else f"{finding.id}: "
    yield Text.assemble((f"{word:<6}", style), (name, "bold"), finding.found)
    if finding.leads_to:
        yield Text(f"      leads to: {finding.leads_to}")
    for number, mend in enumerate(finding.mend):
        yield Text.assemble(
            "          " if number else "      mend: ", ("or " if number else ""), (mend, "cyan")
        )


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
