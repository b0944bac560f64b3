"""Alert rules: promtool runs their unit tests on both sides of `for:`; each has words and a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring.objectives.rules import ALERT
from monitoring.targets import HERE, Rule, read_rules
from scripts.stack.binaries import obtain
from telemetry.catalog import CATALOG
from telemetry.doctor.durations import seconds

ALERTS = [rule for rule in read_rules() if rule.is_alert]
WRITTEN = [rule for rule in ALERTS if rule.name != ALERT]
"""By hand; the others are made from slo.yaml, and tests/contract/test_monitoring_objectives.py holds them."""
UNIT_TESTS = sorted((HERE / "alerts" / "tests").glob("*.yml"))
CONFIG = yaml.safe_load((HERE / "prometheus.yml").read_text(encoding="utf-8"))


def alert_checks(path: Path) -> list[tuple[str, str, float, bool]]:
    """(test, alert, seconds, whether it is expected to fire) for every check in a promtool file."""
    return [
        (test["name"], check["alertname"], seconds(check["eval_time"]), bool(check["exp_alerts"]))
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for check in test.get("alert_rule_test", [])
    ]


@pytest.mark.parametrize("version", ["2.42", "3.5"])
@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_of_the_rules_pass_in_promtool(path: Path, version: str) -> None:
    """Each alert is silent just before its time and fires just after it, with these labels and words."""
    done = subprocess.run(
        [obtain("promtool", version), "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", WRITTEN, ids=lambda rule: rule.name)
def test_every_alert_is_tested_on_both_sides_of_its_for(rule: Rule) -> None:
    """One test asks at two neighbouring evaluations, and the alert fires at the second of them only."""
    step = seconds(CONFIG["global"]["evaluation_interval"])
    checks = [check for path in UNIT_TESTS for check in alert_checks(path) if check[1] == rule.name]
    edges = [
        (before, after)
        for test, _, before, fires_before in checks
        for other, _, after, fires_after in checks
        if test == other and not fires_before and fires_after and after - before == step
    ]
    assert len(edges) == 1
    assert edges[0][1] > seconds(rule.hold)


def test_two_thresholds_are_the_specification_s_to_the_letter() -> None:
    """5xx share above 5% for 5 minutes is critical; p99 above 5 s for 10 minutes is a warning."""
    told = {rule.name: (rule.group, rule.file, rule.hold, rule.labels["severity"]) for rule in ALERTS}
    assert told["HighErrorRate"] == ("api_alerts", "api_alerts.yml", "5m", "critical")
    assert told["HighLatency"] == ("api_alerts", "api_alerts.yml", "10m", "warning")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.labels.get("objective", rule.name))
def test_every_alert_has_labels_words_and_a_runbook(rule: Rule) -> None:
    """Severity and area route it; summary and description name it; the runbook says what to do."""
    assert set(rule.labels) - {"objective"} == {"severity", "area"}
    assert rule.labels["severity"] in {"critical", "warning"}
    assert set(rule.annotations) == {"summary", "description", "runbook_url"}
    assert rule.annotations["runbook_url"] == f"{{{{ $externalURL }}}}/user/{rule.name}.md"


QUANTILES = [rule for rule in ALERTS if "histogram_quantile" in rule.expr]


@pytest.mark.parametrize("rule", QUANTILES, ids=lambda rule: rule.name)
def test_a_quantile_is_told_as_the_last_bound_or_more(rule: Rule) -> None:
    """Above a histogram's last finite bound Prometheus answers with that bound, whatever the truth is."""
    (buckets,) = [metric.buckets for metric in CATALOG if f"{metric.name}_bucket" in rule.expr]
    told = re.findall(r"{{ if ge \$value ([\d.]+) }} or more{{ end }}", rule.annotations["description"])
    assert [float(bound) for bound in told] == [buckets[-1]]
