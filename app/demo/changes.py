"""The changes of each scenario: sent requests beside Prometheus's counts, in short or series by series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.demo.compare import Outcome
from app.demo.ledger import CountedSeries


class Brief(NamedTuple):
    """A metric in short: its word, and the labels that separate its series; other labels are summed."""

    word: str
    told_by: tuple[str, ...] = ()


# Of what a scenario moves, the short report has these.
BRIEFS: Mapping[str, Brief] = {
    "http_requests_total": Brief("requests", ("status_code",)),
    "dialogue_sessions_total": Brief("sessions"),
    "dialogue_turns_total": Brief("turns"),
    "dialogue_completions_total": Brief("completions"),
    "session_abandoned_total": Brief("abandoned", ("stage",)),
    "llm_calls_total": Brief("LLM calls", ("provider", "status")),
    "errors_total": Brief("errors", ("error_type",)),
}


def brief(outcomes: Sequence[Outcome]) -> Group:
    """A few lines for each scenario. One number where both accounts agree, else both, in red."""
    parts: list[Text | Padding] = [Text("What changed", style="bold")]
    for outcome in outcomes:
        parts.append(Text.assemble((f"{outcome.scenario.name}: ", "bold"), _verdict(outcome)))
        if words := list(_words(outcome)):
            parts.append(Padding(Text("; ").join(words), (0, 0, 0, 2)))
    return Group(*parts, total(outcomes).append(" (--all prints each)", "not bold dim"))


def everything(outcomes: Sequence[Outcome]) -> Group:
    """Every series that was compared, scenario by scenario. Red where the accounts differ."""
    table = Table(title="What changed", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("series", overflow="fold")
    for column in ("sent", "counted"):
        table.add_column(column, justify="right")
    for outcome in outcomes:
        scenario = outcome.scenario
        heading = Text.assemble((f"{scenario.name}: ", "bold"), _verdict(outcome), f"\n{scenario.shows}")
        table.add_row(heading)
        for one in outcome.moved:
            style = "red" if one in outcome.differences else None
            table.add_row(Text(str(one)), f"{outcome.sent[one]:,}", f"{outcome.counted[one]:,}", style=style)
        table.add_section()
    return Group(table, total(outcomes))


def total(outcomes: Sequence[Outcome]) -> Text:
    """The verdict on all scenarios; a series is counted once, in however many it moved."""
    compared = {one for outcome in outcomes for one in outcome.moved}
    differ = {one for outcome in outcomes for one in outcome.differences}
    if not compared:
        return Text("Nothing was compared.", "yellow")
    if differ:
        return Text(f"{len(compared)} series compared, {len(differ)} not equal", "bold red")
    return Text(f"{len(compared)} series compared, all equal", "bold green")


def complaints(outcome: Outcome) -> Iterator[str]:
    """What did not go by the script, line by line."""
    name = outcome.scenario.name
    if outcome.left_out:
        yield f"{name} was left out: {outcome.left_out}."
    for what, times in outcome.failures.items():
        yield f"{name}: {what}" + (f" ({times} times)" if times > 1 else "")
    for one in outcome.differences:
        yield f"{name}: {one}: sent {outcome.sent[one]:,}, counted {outcome.counted[one]:,}"


def _verdict(outcome: Outcome) -> Text:
    if outcome.left_out:
        return Text("left out", "yellow")
    if outcome.differences:
        return Text(f"{len(outcome.differences)} of {len(outcome.moved)} series differ", "red")
    return Text(f"{len(outcome.moved)} series, all equal", "green")


def _words(outcome: Outcome) -> Iterator[Text]:
    """For each metric that the scenario moves: requests 67 × 200, 12 × 201."""
    for name, (word, told_by) in BRIEFS.items():
        groups: dict[str, list[CountedSeries]] = {}
        for one in outcome.moved:
            if one.name == name and name in outcome.scenario.moves:
                groups.setdefault(" ".join(one.labels[label] for label in told_by), []).append(one)
        if groups:
            parts = (_number(outcome, members, labels) for labels, members in sorted(groups.items()))
            yield Text.assemble((f"{word} ", "dim"), Text(", ").join(parts))


def _number(outcome: Outcome, members: Sequence[CountedSeries], labels: str) -> Text:
    sent, counted = (sum(counts[one] for one in members) for counts in (outcome.sent, outcome.counted))
    differs = any(one in outcome.differences for one in members)
    number = f"{sent:,} sent and {counted:,} counted" if differs else f"{sent:,}"
    return Text(f"{number} × {labels}" if labels else number, "red" if differs else "")
