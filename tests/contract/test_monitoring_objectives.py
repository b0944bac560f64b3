"""Rules that are made of slo.yaml and windows.yaml: fresh, complete, and refused where they make no sense."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from monitoring.objectives.__main__ import FILE, main, rendered
from monitoring.objectives.rules import ALERT, BAD, HOLD, groups, ratio, reaches
from monitoring.objectives.windows import ObjectivesError, read_windows
from monitoring.targets import read_rules, read_targets

TARGETS, WINDOWS = read_targets(), read_windows()
BURNS = [rule for rule in read_rules() if rule.name == ALERT]


def test_the_file_is_fresh() -> None:
    """It holds what slo.yaml and windows.yaml say today."""
    assert FILE.read_text(encoding="utf-8") == rendered()


def test_a_stale_file_is_named_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check writes nothing."""
    file = tmp_path / "rules.yml"
    assert main(["--check"], file) == 1
    assert capsys.readouterr().err == f"stale: {file}. Mend with: python -m monitoring.objectives\n"
    assert not file.exists()
    assert main([], file) == 0
    assert main(["--check"], file) == 0


def test_the_factors_are_those_of_seven_days() -> None:
    """A share of the budget, times the period, over the long window."""
    assert [(pair.severity, pair.long, pair.short, pair.factor) for pair in WINDOWS.pairs] == [
        ("critical", "1h", "5m", Fraction("13.44")),
        ("critical", "6h", "30m", Fraction("3.5")),
        ("warning", "1d", "2h", Fraction("1.4")),
        ("warning", "3d", "6h", Fraction("0.98")),
    ]
    assert WINDOWS.period == TARGETS.window


def test_every_objective_has_its_shares_its_budget_and_its_alerts() -> None:
    """And a pair that bad events alone cannot reach is left out: of half of the dialogues, any page."""
    out_of_reach = {(o.key, p.long) for o in TARGETS.objectives for p in WINDOWS.pairs if not reaches(o, p)}
    assert out_of_reach == {("completion", "1h"), ("completion", "6h")}
    expected = {(o.key, severity) for o in TARGETS.objectives for severity in ("critical", "warning")}
    assert {(r.labels["objective"], r.labels["severity"]) for r in BURNS} == expected - {
        ("completion", "critical")
    }
    assert {rule.hold for rule in BURNS} == {HOLD}
    for rule in BURNS:
        pairs = [pair for pair in WINDOWS.of(rule.labels["severity"])]
        assert all(ratio(window) in rule.expr for pair in pairs for window in (pair.long, pair.short))
    made = yaml.safe_load(rendered())["groups"]
    named = [rule["record"] for group in made for rule in group["rules"] if "record" in rule]
    assert named.count(BAD) == len(TARGETS.objectives)
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "7d"):
        assert named.count(ratio(window)) == len(TARGETS.objectives)


def test_a_bound_that_is_no_bucket_is_refused() -> None:
    """What lies between two bounds cannot be counted."""
    latency = replace(TARGETS.objective("latency"), within_seconds=4.0)
    with pytest.raises(ObjectivesError) as refused:
        groups(replace(TARGETS, objectives=(latency,)), WINDOWS)
    assert str(refused.value) == (
        "monitoring/slo.yaml: objectives.latency.within_seconds: 4: expected a bucket's bound of "
        "http_request_duration_seconds_bucket: 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10"
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{errorBudgetPercent: 8, shortWindow: 1h, longWindow: 1h}", "page.quick: 1h, 1h: expected a short"),
        ("{errorBudgetPercent: 8, shortWindow: 1h, longWindow: 7d}", "page.quick: 1h, 7d: expected a short"),
        ("{errorBudgetPercent: 0, shortWindow: 5m, longWindow: 1h}", "errorBudgetPercent: 0: expected"),
        ("{errorBudgetPercent: 101, shortWindow: 5m, longWindow: 1h}", "errorBudgetPercent: 101: expected"),
    ],
)
def test_windows_that_make_no_sense_are_refused(entry: str, words: str, tmp_path: Path) -> None:
    """By key, value and expectation."""
    other = "{errorBudgetPercent: 10, shortWindow: 5m, longWindow: 1h}"
    file = tmp_path / "windows.yaml"
    pairs = f"page: {{quick: {entry}, slow: {other}}}, ticket: {{quick: {other}, slow: {other}}}"
    file.write_text(f"spec: {{sloPeriod: 7d, {pairs}}}", encoding="utf-8")
    with pytest.raises(ObjectivesError) as refused:
        read_windows(file)
    assert words in str(refused.value)
