"""Answers of the running Prometheus as text: `ask query EXPR`, `ask alerts`, `ask targets`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from app.product import PRODUCT
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.running import RunningStack
from scripts.stack.settings import StackSettings
from scripts.stack.table import table
from telemetry.doctor.prometheus import ScrapeTarget

cli = typer.Typer(no_args_is_help=True, help="Ask the running Prometheus.")
_ORDER = {"firing": 0, "pending": 1}


def _prometheus() -> StackPrometheus:
    return StackPrometheus(RunningStack(StackSettings.from_env(), typer.echo).settings.url("prometheus"))


@cli.command()
def query(expr: Annotated[list[str], typer.Argument(help="PromQL, best in single quotes.")]) -> None:
    """Print what a PromQL expression answers now."""
    typer.echo(answer(*_prometheus().result(" ".join(expr))))


@cli.command()
def alerts() -> None:
    """Print firing and pending alerts, their beginning, and the runbook to open."""
    prometheus = _prometheus()
    found = sorted(prometheus.alerts(), key=lambda alert: (_ORDER[alert["state"]], alert["activeAt"]))
    if not found:
        typer.echo(f"Nothing is firing or pending; {prometheus.alert_rules()} alerts are watched.")
        return
    now = datetime.now(timezone.utc)
    rows = [_alert(alert, now) for alert in found]
    typer.echo(table([("state", "severity", "since", "summary", "runbook"), *rows]))


@cli.command()
def targets() -> None:
    """Print what Prometheus scrapes, whether it answers, and why not."""
    now = datetime.now(timezone.utc)
    rows = [_target(target, now) for target in _prometheus().targets()]
    typer.echo(table([("job", "instance", "health", "last scrape", "last error"), *rows]))


def answer(kind: str, result: Any) -> str:
    """An answer as text: what all series share in a line of its own, then a row for each."""
    if kind in {"scalar", "string"}:
        return str(result[1])
    if not result:
        return "No series answers this now."
    samples = [
        (row["metric"], time, value)
        for row in result
        for time, value in (row["values"] if kind == "matrix" else [row["value"]])
    ]
    names = sorted({name for row in result for name in row["metric"]})
    shared = [name for name in names if len(result) > 1 and _is_shared(name, result)]
    own = [name for name in names if name not in shared]
    head = [*own, *(["time"] if kind == "matrix" else []), "value"]
    rows = [
        [
            *(labels.get(name, "") for name in own),
            *([_clock(time)] if kind == "matrix" else []),
            _number(value),
        ]
        for labels, time, value in samples
    ]
    common = [", ".join(f"{name}={result[0]['metric'][name]}" for name in shared)] if shared else []
    return "\n".join([*common, table([head, *rows])])


def _is_shared(name: str, result: list[dict[str, Any]]) -> bool:
    return len({row["metric"].get(name) for row in result}) == 1


def _number(text: str) -> str:
    """Integers without a point, other numbers with six digits."""
    value = float(text)
    return text if value.is_integer() or not math.isfinite(value) else f"{value:.6g}"


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time, timezone.utc).strftime("%H:%M:%SZ")


def _alert(alert: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    labels, words = alert["labels"], alert["annotations"]
    page = words.get("runbook_url", "").rpartition("/")[2]
    return (
        alert["state"],
        labels.get("severity", ""),
        since(alert["activeAt"], now),
        words.get("summary", labels["alertname"]),
        f"monitoring/runbooks/{page}" if page else "",
    )


def _target(target: ScrapeTarget, now: datetime) -> tuple[str, ...]:
    labels = target.labels
    scraped = since(target.last_scrape, now)
    health, error = target.health, target.error
    if labels["job"] in PRODUCT.optional_jobs and health == "down":
        health, error = "off", "optional: there while `reviewlens ingest` runs"
    return labels["job"], labels["instance"], health, scraped, error


def since(text: str, now: datetime) -> str:
    """`09:30:00Z, 4 min ago` of a time in Prometheus' words; `never` for its zero."""
    # In the server's own time zone for targets, in UTC for alerts. Python reads no nine decimals.
    whole = re.sub(r"\.\d+", "", text)
    then = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S%z").astimezone(timezone.utc)
    if then.year == 1:
        return "never"
    seconds = max(0, int((now - then).total_seconds()))
    size, unit = next((size, unit) for size, unit in _AGES if seconds >= 2 * size or size == 1)
    return f"{then:%H:%M:%SZ}, {seconds // size} {unit} ago"


_AGES = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))
