"""The table at the end: every number, what it is held against, and whether the laws hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from soak.laws import DIALOGUES, LAWS, MEMORY_FACTOR, MEMORY_SLACK, MOST_SERIES, WORST_SECONDS, Numbers
from telemetry.catalog import BY_NAME, CATALOG

Row = tuple[str, str, str]


def rows(n: Numbers) -> Iterator[Row]:
    """A value's name, its amount, and its limit."""
    yield from _requests(n)
    yield from _dialogues(n)
    yield from _telemetry(n)


def _requests(n: Numbers) -> Iterator[Row]:
    classes = {f"{c}xx": sum(m for s, m in n.answered.items() if s // 100 == c) for c in range(1, 6)}
    yield "requests sent", f"{n.sent:,}", "answered + broken + left"
    yield "  answered", f"{n.whole:,}", ", ".join(f"{name} {m:,}" for name, m in classes.items() if m)
    yield "  broken", f"{len(n.broken):,}", "connections of a worker that ended"
    yield "  left", f"{len(n.left):,}", "streams, by their clients"
    refused = ", ".join(f"{what} {m}" for what, m in sorted(n.refused.items()))
    yield (
        "no HTTP at all",
        f"{n.refused.total():,}",
        f"turned away by the server, not counted: {refused or 'none'}",
    )
    yield "503 while the disk was full", f"{n.answered[503]:,}", f"full {len(n.full)} times"
    yield "counted on /metrics", f"{n.counted:,}", "between answered and sent"
    yield "counted at Prometheus", f"{n.at_prometheus:,}", "scraped: as on /metrics"
    yield "counted through the collector", f"{n.through_collector:,}", "pushed: as on /metrics"
    yield (
        "disturbances",
        f"{sum(n.disturbed.values()):,}",
        ", ".join(f"{w} {m}" for w, m in n.disturbed.items()),
    )
    yield "lost", f"{max(0, n.certain - n.counted):,}", "answered or left, and not counted"
    yield (
        "worst answer",
        f"{n.worst.ended - n.worst.begun:.2f} s",
        f"at most {WORST_SECONDS:g} s; {n.worst.what}",
    )


def _dialogues(n: Numbers) -> Iterator[Row]:
    for which in DIALOGUES:
        own, counted = n.dialogues(which)
        yield f"dialogues {which}", f"{own:,}", f"by the clients' account; counted {counted:,}"


def _telemetry(n: Numbers) -> Iterator[Row]:
    yield (
        "scrapes during the run",
        f"{n.scrapes:,}",
        f"{len(n.unanswered)} broken; numbers that fell: {len(n.fell)}",
    )
    yield "resets at Prometheus", f"{len(n.resets):,}", "both ways"
    yield "asked at the end", f"{n.asked:,}", f"series that workers tell differently: {len(n.unlike)}"
    share = {m.name: n.label_sets.get(m.name, 0) / m.cardinality_limit for m in CATALOG if m.is_open}
    fullest = max(share, key=lambda name: share[name])
    room = BY_NAME[fullest].cardinality_limit
    nearest = f"{fullest} has {n.label_sets.get(fullest, 0)} of {room:,} label sets"
    yield "series now", f"{n.series:,}", f"at most {MOST_SERIES:,}; nearest to its limit: {nearest}"
    quarter, end = (size >> 20 for size in n.memory)
    most = n.memory[0] * MEMORY_FACTOR + MEMORY_SLACK
    yield "largest worker", f"{end} MiB", f"{quarter} MiB after a quarter; at most {int(most) >> 20} MiB"
    faults = ", ".join(f"{kind} {count}" for kind, count in n.faults.items())
    yield "telemetry faults", f"{sum(n.faults.values()):,}", f"{faults or 'none'}; only exports may fail"


def show(
    console: Console, numbers: Numbers, broken: Mapping[str, Sequence[str]], notes: Sequence[str]
) -> None:
    """Print the table, the laws, and what was left out."""
    table = Table(title="Soak", title_justify="left")
    table.add_column("what", no_wrap=True)
    table.add_column("number", justify="right", no_wrap=True)
    table.add_column("held against", overflow="fold")
    for row in rows(numbers):
        table.add_row(*row)
    console.print(table)
    for note in notes:
        console.print(note, style="yellow", highlight=False, markup=False)
    for law in LAWS:
        if hows := broken.get(law.name):
            console.print(f"BROKEN  {law.name}: {law.says}", style="red", highlight=False, markup=False)
            for how in hows:
                console.print(f"        {how}", style="red", highlight=False, markup=False, soft_wrap=True)
    kept = f"{len(LAWS) - len(broken)} of {len(LAWS)} laws hold"
    console.print(kept, style="red" if broken else "green", highlight=False)
