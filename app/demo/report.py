"""What is printed: what each scenario changed, what Prometheus says of the whole run, where to look."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich.table import Table

from app.demo.compare import Outcome
from app.demo.ledger import Series
from app.demo.prometheus import Prometheus, fresh

# The labels by which the table of changes tells a metric's series apart; others are added up.
TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "http_requests_total": ("status_code",),
    "llm_calls_total": ("provider", "status"),
    "llm_duration_seconds_count": ("provider",),
    "llm_tokens_total": ("provider", "type"),
    "errors_total": ("component", "error_type"),
    "user_journey_stage_total": ("stage", "action"),
    "session_abandoned_total": ("stage",),
}


@dataclass(frozen=True)
class Fact:
    """One number, or one for each value of `by`. `expr`: PromQL; `$name` stands for the sum of a counter's
    sample, once as it has risen in this run, once as it is."""

    title: str
    expr: str
    by: tuple[str, ...] = ()
    unit: str = ""

    def asks(self, since: float | None = None) -> str:
        """The query; `since`: what was there at that time (seconds since 1970) is taken off."""
        return re.sub(r"\$(\w+)", lambda found: self._sum(found[1], since), self.expr)

    def _sum(self, sample: str, since: float | None) -> str:
        by = f"sum by ({', '.join(self.by)})"
        now = f"{by} ({fresh(sample)})"
        if since is None:
            return now
        # A histogram's series do not exist before their first value.
        return f"({now} - ({by} ({fresh(sample, since)}) or 0 * {now}))"


def _quantile(title: str, share: float, metric: str, *by: str) -> Fact:
    return Fact(
        f"{title} p{share * 100:g}", f"histogram_quantile({share}, ${metric}_bucket)", (*by, "le"), "s"
    )


RATE = f"sum(rate(http_requests_total[1m]) and {fresh('http_requests_total')})"
FACTS = (
    Fact("requests per second, in the last minute", RATE, unit="/s"),
    Fact("requests", "$http_requests_total", ("status_code",)),
    *(_quantile("latency", share, "http_request_duration_seconds") for share in (0.5, 0.95, 0.99)),
    Fact("sessions", "$dialogue_sessions_total"),
    Fact("turns", "$dialogue_turns_total"),
    Fact("completions", "$dialogue_completions_total"),
    Fact("completion rate", "$dialogue_completions_total / $dialogue_sessions_total", unit="%"),
    Fact("abandoned", "$session_abandoned_total", ("stage",)),
    Fact("LLM calls", "$llm_calls_total", ("provider", "status")),
    _quantile("LLM latency", 0.95, "llm_duration_seconds", "provider"),
    Fact("LLM tokens", "$llm_tokens_total", ("provider", "type")),
    Fact("evidence per retrieval", "$evidence_count_sum / $evidence_count_count", unit="mean"),
    Fact("errors", "$errors_total", ("component", "error_type")),
)
FORMATS: Mapping[str, Callable[[float], str]] = {
    "": lambda value: f"{value:,.0f}",
    "s": lambda value: f"{value * 1000:,.0f} ms",
    "/s": lambda value: f"{value:,.2f}",
    "%": lambda value: f"{value:.1%}",
    "mean": lambda value: f"{value:,.1f}",
}


async def says(prometheus: Prometheus, began: float) -> Table:
    """What Prometheus says now, of this run and since the API started."""
    table = Table(title="What Prometheus says now", title_justify="left")
    table.add_column("")
    for column in ("this run", "since the API started"):
        table.add_column(column, justify="right")
    for fact in FACTS:
        ever = await _values(prometheus, fact, fact.asks())
        run = await _values(prometheus, fact, fact.asks(began)) if "$" in fact.expr else ever
        for labels in sorted({*ever, *run}):
            pair = run.get(labels, math.nan), ever.get(labels, math.nan)
            if any(pair) or not labels:
                last = _text(fact, pair[1]) if "$" in fact.expr else ""
                table.add_row(" ".join((fact.title, *labels)), _text(fact, pair[0]), last)
    return table


async def _values(prometheus: Prometheus, fact: Fact, expr: str) -> dict[tuple[str, ...], float]:
    told = [label for label in fact.by if label != "le"]
    samples = await prometheus.query(expr)
    found = {tuple(sample.labels[label] for label in told): sample.value for sample in samples}
    return found or ({} if told else {(): math.nan})


def _text(fact: Fact, value: float) -> str:
    return FORMATS[fact.unit](value) if math.isfinite(value) else "–"


def changes(outcomes: Iterable[Outcome]) -> Table:
    """What was sent beside what Prometheus counted, scenario by scenario. Red where they differ."""
    table = Table(title="What changed", title_justify="left", caption_justify="left")
    table.add_column("metric", overflow="fold")
    table.add_column("sent", justify="right")
    table.add_column("counted", justify="right")
    table.add_column("")
    for outcome in outcomes:
        scenario = outcome.scenario
        table.add_row(f"[bold]{scenario.name}[/]\n[dim]{scenario.shows}[/]", "", "", _verdict(outcome))
        for row in _rows(outcome):
            table.add_row(*row)
        table.add_section()
    return table


def _rows(outcome: Outcome) -> Iterator[tuple[str, str, str, str]]:
    groups: dict[tuple[str, ...], list[Series]] = {}
    for one in outcome.moved:
        told = (one.labels[label] for label in TOLD_BY.get(one.name, ()))
        groups.setdefault((one.name, *told), []).append(one)
    for (name, *labels), members in sorted(groups.items()):
        differs = any(one in outcome.differences for one in members)
        if differs or name in outcome.scenario.moves:
            sent, counted = (
                sum(counts[one] for one in members) for counts in (outcome.sent, outcome.counted)
            )
            mark = "[red]differs[/]" if differs else "[green]equal[/]"
            yield " ".join((f"  {name}", *labels)), f"{sent:,}", f"{counted:,}", mark


def _verdict(outcome: Outcome) -> str:
    if outcome.left_out:
        return "[yellow]left out[/]"
    if outcome.differences:
        return f"[red]{len(outcome.differences)} of {len(outcome.moved)} series differ[/]"
    return f"[green]all {len(outcome.moved)} series equal[/]"


def complaints(outcome: Outcome) -> Iterator[str]:
    """What did not go by the script, line by line."""
    name = outcome.scenario.name
    if outcome.left_out:
        yield f"{name} was left out: {outcome.left_out}."
    for what, times in outcome.failures.items():
        yield f"{name}: {what}" + (f" ({times} times)" if times > 1 else "")
    for one in outcome.differences:
        yield f"{name}: {one}: sent {outcome.sent[one]:,}, counted {outcome.counted[one]:,}"
