"""slo.yaml against the rules that repeat its numbers."""

from __future__ import annotations

import promql_parser
import pytest

from monitoring.objectives.rules import ALERT
from monitoring.queries import compared, nodes, parse, same, selectors
from monitoring.targets import Limit, Objective, read_rules, read_targets
from telemetry.catalog import CATALOG
from telemetry.doctor.durations import seconds

TARGETS = read_targets()
RULES = {rule.name: rule for rule in read_rules()}


@pytest.mark.parametrize("limit", TARGETS.limits, ids=lambda limit: limit.alert)
def test_an_alert_compares_with_the_limit_that_dashboards_show(limit: Limit) -> None:
    """The number in the rule is the number in slo.yaml."""
    assert compared(RULES[limit.alert].expr)[1] == limit.limit


@pytest.mark.parametrize("limit", [it for it in TARGETS.limits if it.measure], ids=lambda limit: limit.alert)
def test_a_dashboard_draws_exactly_what_the_alert_compares(limit: Limit) -> None:
    """The recording rule is the alert's left side, word for word."""
    assert same(compared(RULES[limit.alert].expr)[0], RULES[str(limit.measure)].expr)


def test_every_alert_has_a_limit_and_guards_an_objective_that_is_there() -> None:
    """No alert without a number on a dashboard, no objective that nobody watches."""
    made = {ALERT}  # from the objectives themselves
    written = {name for name, rule in RULES.items() if rule.is_alert} - made
    assert {limit.alert for limit in TARGETS.limits} == written
    objectives = {objective.key for objective in TARGETS.objectives}
    assert {limit.objective for limit in TARGETS.limits} - {None} == objectives


@pytest.mark.parametrize("objective", TARGETS.objectives, ids=lambda objective: objective.key)
def test_an_objective_counts_good_among_all_of_one_metric(objective: Objective) -> None:
    """Both rules are there and read one metric; a bound in seconds is one of its buckets, and in the rule."""
    good, every = RULES[objective.good.record].expr, RULES[objective.all.record].expr
    metrics = {base(selector.metric) for expr in (good, every) for selector in selectors(expr)}
    if objective.key == "completion":
        assert metrics == {"dialogue_completions_total", "dialogue_sessions_total"}
        return
    (metric,) = metrics
    if objective.within_seconds is not None:
        assert objective.within_seconds in {m.name: m for m in CATALOG}[metric].buckets
        (bucket,) = selectors(good)
        assert [match.holds(f"{objective.within_seconds:g}") for match in bucket.matches] == [True]
        assert f"_within_{objective.within_seconds:g}s:" in objective.good.record


def base(series: str) -> str:
    return series.removesuffix("_bucket").removesuffix("_count")


@pytest.mark.parametrize("alert", ["HighErrorRate", "HighLLMErrorRate"])
def test_an_alert_is_no_stricter_than_the_objective_it_guards(alert: str) -> None:
    """Whoever is woken finds an objective in danger."""
    limit = next(limit for limit in TARGETS.limits if limit.alert == alert)
    assert limit.limit >= 1 - TARGETS.objective(str(limit.objective)).target


@pytest.mark.parametrize(
    ("alert", "quantile", "objective"),
    [("HighLatency", 0.99, "latency"), ("SlowRetrieval", 0.95, "retrieval")],
)
def test_a_slow_quantile_is_the_same_as_a_missed_objective(
    alert: str, quantile: float, objective: str
) -> None:
    """p99 above 5 s is the same as fewer than 99% within 5 s."""
    goal = TARGETS.objective(objective)
    numbers = [
        node.val for node in nodes(parse(RULES[alert].expr)) if isinstance(node, promql_parser.NumberLiteral)
    ]
    assert numbers == [quantile, goal.within_seconds]
    assert goal.target == quantile


def test_objectives_are_judged_over_less_than_is_kept() -> None:
    """Prometheus keeps 15 days by default."""
    assert seconds(TARGETS.window) == 7 * 24 * 3600
