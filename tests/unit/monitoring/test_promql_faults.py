"""What is said of a selection that does not exist."""

from __future__ import annotations

import pytest

from monitoring.contract import (
    KnownSeries,
    alert_series,
    catalogue_series,
    faults,
    recorded_series,
    spellings_of,
)
from monitoring.targets import Rule
from telemetry.record.schema import Label, Metric

CALLS = Metric(
    "calls_total", "counter", "{call}", "Calls", (Label("status", ("success", "error")), Label("who"))
)
WAIT = Metric("wait_seconds", "histogram", "s", "Waits", (Label("who"),), (0.5, 1.0))
KNOWN = {known.name: known for known in catalogue_series([CALLS, WAIT])}


def test_a_histogram_becomes_three_series_with_both_spellings_of_its_bounds() -> None:
    """A counter is one."""
    assert sorted(KNOWN) == ["calls_total", "wait_seconds_bucket", "wait_seconds_count", "wait_seconds_sum"]
    assert KNOWN["wait_seconds_bucket"].labels["le"] == ("0.5", "1.0", "1", "+Inf")
    assert spellings_of(30.0) == ("30.0", "30")


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ('sum by (who) (rate(calls_total{status=~"success|error",who="any"}[5m]))', []),
        ('wait_seconds_bucket{le=~"1(\\\\.0)?"} / ignoring (le) wait_seconds_count', []),
        ('wait_seconds_bucket{le=~"1(\\\\.0)?"}', []),
        ("call_total", ["metric 'call_total' does not exist"]),
        ('calls_total{state="error"}', ["calls_total has no label 'state'"]),
        ('calls_total{status="failed"}', ["calls_total: no status is 'failed'"]),
        ('calls_total{status=~"error|fallback"}', ["calls_total: no status is 'fallback'"]),
        ('calls_total{status!="failed"}', ["calls_total: no status is 'failed'"]),
        ("sum by (name) (calls_total)", ["calls_total has no label 'name' to group by"]),
        ('wait_seconds_bucket{le="2.0"}', ["wait_seconds_bucket: no le is '2.0'"]),
    ],
)
def test_each_slip_is_named(expr: str, said: list[str]) -> None:
    """Metric, label, value, bound, grouping."""
    assert list(faults(expr, KNOWN)) == said


def test_one_spelling_of_a_bound_is_not_enough() -> None:
    """It would select nothing on the other path."""
    assert set(faults('wait_seconds_bucket{le="1.0"}', KNOWN)) == {
        "le='1.0' tells 1.0 from 1, which are one bound"
    }


def test_recorded_series_have_the_labels_of_their_rule_and_alerts_those_of_all() -> None:
    """le does not outlive histogram_quantile."""
    record = Rule(
        "who:wait:p95", False, "histogram_quantile(0.9, sum by (who, le) (x))", "f", "g", "0s", {}, {}
    )
    alert = Rule("Down", True, "up == 0", "f", "g", "2m", {"severity": "critical"}, {})
    assert list(recorded_series([record, alert])) == [
        KnownSeries("who:wait:p95", {"who": ()}, "who:wait:p95")
    ]
    assert alert_series([record, alert]).labels == {
        "alertname": ("Down",),
        "alertstate": ("pending", "firing"),
        "severity": ("critical",),
    }
