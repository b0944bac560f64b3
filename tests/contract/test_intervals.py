"""Intervals are said once: files agree with intervals.yaml; windows, `for:` and waits are long enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.panels import DASHBOARDS, PanelQuery, everything, load, of_dashboard, panels

from app.demo.report import RATE
from app.demo.run import QUIET_SHARE
from app.demo.scraped import FRESH, PATIENCE_SECONDS, SCRAPE_SECONDS
from monitoring.intervals.files import faults
from monitoring.intervals.rules import LOOKBACK, expiration_faults, grafana_macros, hold_faults, window_faults
from monitoring.intervals.source import read_intervals
from monitoring.objectives.rules import SELDOM
from monitoring.queries import fill, selectors
from monitoring.targets import HERE, Rule, read_rules
from telemetry.doctor.durations import seconds
from telemetry.settings import load as load_settings

ROOT = HERE.parent
INTERVALS = read_intervals()
SERVICE = INTERVALS.seconds("service")
# What the slips below are told with, whatever the source says today.
GIVEN = replace(INTERVALS, every={"service": "10s", "crawl_script": "30s", "native": "15s", "docker": "10s"})
ALERTS = [rule for rule in read_rules() if rule.is_alert]
COLLECTORS = sorted((ROOT / "otel-collector").glob("**/*.yaml"))


def of_the_specification() -> Iterator[PanelQuery]:
    listed = yaml.safe_load((ROOT / "tests/data/specification_promql.yaml").read_text(encoding="utf-8"))
    return (PanelQuery("specification", entry["where"], entry["expr"]) for entry in listed)


def test_every_file_says_what_the_source_says() -> None:
    """Scrapes, evaluations, Grafana's step, the rules' tests; no file says one that is not listed."""
    assert faults(INTERVALS, ROOT) == []


@pytest.mark.parametrize("asked", [*everything(), *of_the_specification()], ids=str)
def test_every_window_holds_four_scrapes(asked: PanelQuery) -> None:
    """Of the job that carries the metric, under every config; Grafana's macros at their shortest."""
    assert list(window_faults(asked.expr, INTERVALS)) == []


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("rate(http_requests_total[39s])", "http_requests_total[39s]: expected 40s or more"),
        ("rate(http_requests_total[$__interval])", "http_requests_total[15s]: expected 40s or more"),
        (
            "rate(ingest_duration_seconds_count[$__rate_interval])",
            "ingest_duration_seconds_count[60s]: expected 120s or more, 4 times crawl_script (30s)",
        ),
        ("rate(errors_total[1m])", "errors_total[60s]: expected 120s or more"),
        (
            "avg_over_time(service:http_requests:rate5m[45s])",
            "service:http_requests:rate5m[45s]: expected 60s",
        ),
        ("rate(prometheus_notifications_dropped_total[59s])", "prometheus_notifications_dropped_total[59s]"),
    ],
)
def test_a_window_that_is_too_short_is_named(expr: str, said: str) -> None:
    """By the metric: the service's, an import's, what both count, what a rule records, Prometheus's own."""
    (found,) = window_faults(fill(expr, grafana_macros(GIVEN)), GIVEN)
    assert found.startswith(said)


def test_one_short_window_in_a_copied_dashboard_is_found(tmp_path: Path) -> None:
    """The look at the files can fail, not only the rule."""
    (path,) = [path for path in DASHBOARDS if "production" in path.stem]
    text = path.read_text(encoding="utf-8")
    short = text.replace("ingest_rows_total[5m]", "ingest_rows_total[$__rate_interval]")
    (tmp_path / path.name).write_text(short, encoding="utf-8")
    asked = of_dashboard(load(tmp_path / path.name))
    assert [str(one) for one in asked if any(window_faults(one.expr, INTERVALS))] != []


def test_scraping_less_often_makes_windows_too_short() -> None:
    """A number that grows in the source is held against every window that reads it."""
    slower = replace(INTERVALS, every={**INTERVALS.every, "service": "2m"})
    assert [str(one) for one in everything() if any(window_faults(one.expr, slower))] != []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_has_a_step_of_its_own(path: Path) -> None:
    """Its $__rate_interval would be four of those, not four of the data source's."""
    own = [
        (panel["title"], part.get("interval"))
        for panel in panels(load(path))
        for part in (panel, *panel.get("targets", []))
    ]
    assert [title for title, interval in own if interval] == []


def test_no_group_of_rules_has_a_pace_of_its_own() -> None:
    """Windows over what it records, and its alerts' `for:`, would be held against the wrong interval. Those
    of the objectives count events by theirs: all run as often as rules do natively, or once a minute."""
    files = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in (HERE / "alerts").glob("*.yml")}
    own = {
        (name, group["interval"])
        for name, file in files.items()
        for group in file["groups"]
        if "interval" in group
    }
    assert own == {("objective_rules.yml", INTERVALS.every["native"]), ("objective_rules.yml", SELDOM)}
    assert seconds(SELDOM) >= INTERVALS.seconds("native")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
def test_an_alert_holds_for_whole_evaluations_two_at_least(rule: Rule) -> None:
    """Under every config; anything between two evaluations would be waited for in vain."""
    assert list(hold_faults(rule, INTERVALS)) == []


@pytest.mark.parametrize(("hold", "paces"), [("0s", 2), ("15s", 2), ("20s", 1), ("100s", 1), ("2m", 0)])
def test_a_hold_that_does_not_fit_is_named(hold: str, paces: int) -> None:
    """None, one evaluation, and what is whole under one config only."""
    found = list(hold_faults(replace(ALERTS[0], hold=hold), GIVEN))
    assert len(found) == paces
    assert all(
        fault.startswith(f"{ALERTS[0].name}: for: {hold}: expected 2 or more whole") for fault in found
    )


def test_a_collector_keeps_a_series_for_two_pushes_and_less_than_prometheus() -> None:
    """Every config of ours. How long Prometheus remembers is its default, which no flag of ours changes."""
    assert COLLECTORS
    assert "query.lookback-delta" not in (HERE / "flags.yaml").read_text(encoding="utf-8")
    configs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in COLLECTORS]
    assert [fault for config in configs for fault in expiration_faults(config, INTERVALS)] == []


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"metric_expiration": "20s"}, False),
        ({"metric_expiration": "45s"}, False),
        ({"metric_expiration": "19s"}, True),
        ({"metric_expiration": "5m"}, True),
        (None, True),  # the collector's own default is 5m
    ],
)
def test_an_expiration_that_does_not_fit_is_named(settings: dict[str, str] | None, wrong: bool) -> None:
    """Shorter than two pushes: gaps. As long as Prometheus's own memory: twice as long in all."""
    config = {"exporters": {"debug": None, "prometheus/one": settings}}
    found = list(expiration_faults(config, GIVEN))
    assert [fault.split(":")[0] for fault in found] == ["exporters.prometheus/one.metric_expiration"] * wrong


def test_a_push_leaves_as_often_as_a_scrape_comes() -> None:
    """OTEL_METRIC_EXPORT_INTERVAL's default: numbers move alike on every path."""
    assert load_settings({}).metric_export_interval_ms == SERVICE * 1000


def test_the_demo_waits_for_scrapes_of_the_service() -> None:
    """Fresh: two scrapes and less than Prometheus's memory. Quiet: an export and a scrape. Its rate: four."""
    assert SCRAPE_SECONDS == SERVICE
    assert 2 * SERVICE < seconds(FRESH) < LOOKBACK
    assert PATIENCE_SECONDS >= 3 * SERVICE
    assert PATIENCE_SECONDS * QUIET_SHARE > 2 * SERVICE
    windows = {selector.window for selector in selectors(RATE)} - {seconds(FRESH)}
    assert len(windows) == 1
    assert min(windows) >= 4 * SERVICE


@pytest.mark.parametrize(
    ("file", "words"), [("README.md", "scrape, {:g} s"), ("README.ko.md", "{:g}초마다 스크랩")]
)
def test_the_picture_of_the_flow_tells_the_interval(file: str, words: str) -> None:
    """What a newcomer reads first."""
    assert words.format(SERVICE) in (ROOT / file).read_text(encoding="utf-8")
