"""Prometheus's view of a complete run, and since the API started."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rich.table import Table

from app.demo.scraped import ask, fresh
from telemetry.doctor.prometheus import Prometheus


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

    @property
    def summed(self) -> Fact:
        """The same as one number."""
        return replace(self, by=tuple(label for label in self.by if label == "le"))


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


async def says(prometheus: Prometheus, began: float, every: bool = False) -> Table:
    """What Prometheus says now; `every`: series by series where a fact has several."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("What Prometheus says now")
    for column in ("this run", "since the API started"):
        table.add_column(column, justify="right")
    for fact in FACTS if every else (fact.summed for fact in FACTS):
        ever = await _values(prometheus, fact, fact.asks())
        run = await _values(prometheus, fact, fact.asks(began)) if "$" in fact.expr else ever
        for labels in sorted({*ever, *run}):
            pair = run.get(labels, math.nan), ever.get(labels, math.nan)
            if any(pair) or not labels:
                last = _text(fact, pair[1]) if "$" in fact.expr else ""
                table.add_row(" ".join((f"  {fact.title}", *labels)), _text(fact, pair[0]), last)
    return table


async def _values(prometheus: Prometheus, fact: Fact, expr: str) -> dict[tuple[str, ...], float]:
    shown = [label for label in fact.by if label != "le"]
    samples = await ask(prometheus, expr)
    found = {tuple(sample.labels[label] for label in shown): sample.value for sample in samples}
    return found or ({} if shown else {(): math.nan})


def _text(fact: Fact, value: float) -> str:
    return FORMATS[fact.unit](value) if math.isfinite(value) else "–"
