"""The rules of every objective, as Prometheus reads them.

Names and thresholds are sloth's, with these differences:

- A window's share is the sum of recorded 5 minute rates, bad over all. In sloth's period an hour with one
  request weighs as much as an hour with a thousand, and its rates over days read each raw sample.
- A page and a ticket need LEAST bad events in the long window: at low traffic one error is a large share.
- Good events without a series count as 0, where sloth's share has a gap.
- Bad events are never negative: a completion may come in a later window than its session.
- An alert holds for two evaluations, so that no single look wakes anybody.
- The objective, its budget and its period are not recorded: slo.yaml says them, and nothing asks for them.
- A pair that an objective's budget cannot reach is left out; sloth's alert on it never fires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from monitoring.intervals.source import read_intervals
from monitoring.objectives.windows import ObjectivesError, Pair, Windows
from monitoring.targets import Objective, Targets
from telemetry.catalog import CATALOG
from telemetry.doctor.durations import seconds

RATE = "5m"
EVERY = read_intervals().every["native"]
"""Between two evaluations, in every stack: LEAST counts events as the sum of the rates times this."""
SELDOM = "1m"
"""The same for windows of a day and more, whose sums read many samples and move slowly."""
DAY = 86_400
LEAST = 5
HOLD = "30s"
ALERT = "ErrorBudgetBurn"
BAD = "objective:bad_events:rate5m"

Rule = dict[str, Any]


def groups(targets: Targets, windows: Windows) -> dict[str, Any]:
    """The whole rule file."""
    short = [window for window in windows.all if seconds(window) < DAY]
    long = [window for window in windows.all if seconds(window) >= DAY]
    return {
        "groups": [
            _group("objectives", (rule for each in targets.objectives for rule in recorded(each))),
            _group("error_shares", (r for each in targets.objectives for r in shares(each, short))),
            _group("error_budgets", (r for each in targets.objectives for r in budget(each, long)), SELDOM),
            _group("error_budget_alerts", (r for each in targets.objectives for r in alerts(each, windows))),
        ]
    }


def _group(name: str, rules: Iterator[Rule], every: str = EVERY) -> dict[str, Any]:
    return {"name": name, "interval": every, "rules": list(rules)}


def recorded(objective: Objective) -> Iterator[Rule]:
    """The rates of all events, of the good and of the bad ones."""
    every, good = _rate(objective.all.series), _good(objective)
    yield {"record": objective.all.record, "expr": every}
    yield {"record": objective.good.record, "expr": good}
    yield _labelled(objective, BAD, f"clamp_min({every} - ({good}), 0)")


def _good(objective: Objective) -> str:
    bound = objective.within_seconds
    if bound is None:
        return f"{_rate(objective.good.series)} or 0 * {_rate(objective.all.series)}"
    _expect_bucket(objective, bound)
    spelled = f"{bound:g}(\\\\.0)?" if bound == int(bound) else f"{bound:g}".replace(".", "\\\\.")
    return _rate(f'{objective.good.series}{{le=~"{spelled}"}}')


def _expect_bucket(objective: Objective, bound: float) -> None:
    (buckets,) = (each.buckets for each in CATALOG if f"{each.name}_bucket" == objective.good.series)
    if bound not in buckets:
        raise ObjectivesError(
            f"monitoring/slo.yaml: objectives.{objective.key}.within_seconds: {bound:g}: expected a bucket's "
            f"bound of {objective.good.series}: {', '.join(f'{each:g}' for each in buckets)}"
        )


def _rate(series: str) -> str:
    return f"sum(rate({series}[{RATE}]))"


def _labelled(objective: Objective, record: str, expr: str) -> Rule:
    return {"record": record, "expr": expr, "labels": {"objective": objective.key}}


def _of(objective: Objective, record: str) -> str:
    return f'{record}{{objective="{objective.key}"}}'


def ratio(window: str) -> str:
    """The record of the share of bad events over a window."""
    return f"slo:sli_error:ratio_rate{window}"


def shares(objective: Objective, windows: Sequence[str]) -> Iterator[Rule]:
    """The share of bad events over every window, and how fast it burns the budget now."""
    for window in windows:
        bad = _of(objective, BAD)
        every = f"ignoring (objective) sum_over_time({objective.all.record}[{window}])"
        yield _labelled(objective, ratio(window), f"sum_over_time({bad}[{window}]) / {every}")
    if RATE in windows:
        yield _burn_rate(objective, "current", RATE)


def budget(objective: Objective, windows: Sequence[str]) -> Iterator[Rule]:
    """The shares over long windows, and how much of its budget the period has left."""
    yield from shares(objective, windows)
    yield _burn_rate(objective, "period", windows[-1])
    spent = _of(objective, "slo:period_burn_rate:ratio")
    yield _labelled(objective, "slo:period_error_budget_remaining:ratio", f"1 - {spent}")


def _burn_rate(objective: Objective, name: str, window: str) -> Rule:
    share = _of(objective, ratio(window))
    return _labelled(objective, f"slo:{name}_burn_rate:ratio", f"{share} / {_decimal(_budget(objective))}")


def alerts(objective: Objective, windows: Windows) -> Iterator[Rule]:
    """A page and a ticket; neither where no pair of its windows can be reached."""
    for severity in dict.fromkeys(pair.severity for pair in windows.pairs):
        pairs = [pair for pair in windows.of(severity) if reaches(objective, pair)]
        if pairs:
            yield _alert(objective, severity, windows.period, pairs)


def reaches(objective: Objective, pair: Pair) -> bool:
    """Whether bad events alone, and nothing else, burn the budget as fast as this."""
    return pair.factor * _budget(objective) < 1


def _alert(objective: Objective, severity: str, period: str, pairs: list[Pair]) -> Rule:
    left = _of(objective, "slo:period_error_budget_remaining:ratio").replace('"', '\\"')
    return {
        "alert": ALERT,
        "expr": "\nor\n".join(_burns(objective, pair) for pair in pairs),
        "for": HOLD,
        "labels": {"severity": severity, "area": objective.area, "objective": objective.key},
        "annotations": {
            "summary": f"{objective.title['en']}: the error budget burns too fast",
            "description": (
                f"{{{{ $value | humanizePercentage }}}} of the events of the last {_either(pairs)} were bad; "
                f"{objective.target * 100:.4g}% are promised to be good. "
                f'{{{{ with printf "{left}" | query }}}}{{{{ . | first | value | humanizePercentage }}}} '
                f"of the budget of {period} is left.{{{{ end }}}}"
            ),
            "runbook_url": f"{{{{ $externalURL }}}}/user/{ALERT}.md",
        },
    }


def _either(pairs: list[Pair]) -> str:
    return " or ".join(pair.long for pair in pairs)


def _burns(objective: Objective, pair: Pair) -> str:
    limit = _decimal(pair.factor * _budget(objective))
    bad = _of(objective, BAD)
    return (
        "(\n"
        f"  {_of(objective, ratio(pair.long))} > {limit}\n"
        f"  and {_of(objective, ratio(pair.short))} > {limit}\n"
        f"  and sum_over_time({bad}[{pair.long}]) * {seconds(EVERY):g} >= {LEAST}\n"
        ")"
    )


def _budget(objective: Objective) -> Fraction:
    return 1 - Fraction(str(objective.target))


def _decimal(number: Fraction) -> str:
    """The number as Prometheus writes it, without a float's dust."""
    return f"{float(number):.12g}"
