"""What dashboards, rules, runbooks and the specification ask, real Prometheus servers answer with data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from support.panels import DASHBOARDS, PanelQuery, load, of_dashboard, of_runbooks
from support.realrun import VERSIONS, Run, real_run
from support.servers import ROOT

from monitoring.contract import PROMETHEUS_SERIES, KnownSeries
from monitoring.dashboards.__main__ import boards
from monitoring.queries import compared, nodes, parse
from monitoring.targets import HERE, Rule, read_rules
from telemetry.doctor.prometheus import Sample

LISTED = yaml.safe_load((ROOT / "tests" / "data" / "specification_promql.yaml").read_text(encoding="utf-8"))
PANELS = [asked for path in DASHBOARDS for asked in of_dashboard(load(path))]
# No collector takes part; tests/collector asks a real one.
RULES = [rule for rule in read_rules() if rule.file != "collector_alerts.yml"]
ZERO_IS_FINE = {
    (board.file, query.expr)
    for board in boards()
    for panel in board.panels
    for query in panel.queries
    if query.zero_is_fine
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run for every question."""
    with real_run(tmp_path_factory.mktemp("run")) as run:
        yield run


def ask(run: Run, version: str, expr: str) -> list[Sample]:
    return run.servers[version].query(expr, at=run.moment)


def flaw(samples: list[Sample], legend: str = "", zero_is_fine: bool = False) -> str:
    """What is wrong with an answer; "" when it holds data and the labels that its legend names."""
    if not samples:
        return "empty"
    numbers = [sample.value for sample in samples if math.isfinite(sample.value)]
    if not numbers:
        return "no number"
    if not zero_is_fine and not any(numbers):
        return "only zeros"
    wanted = set(re.findall(r"{{(\w+)}}", legend))
    missing = [wanted - set(sample.labels) for sample in samples]
    return f"no label {missing}" if any(missing) else ""


def flaw_of(run: Run, version: str, asked: PanelQuery) -> str:
    zero_is_fine = (asked.source, asked.raw) in ZERO_IS_FINE
    return flaw(ask(run, version, asked.expr), asked.legend, zero_is_fine)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", PANELS, ids=str)
def test_a_panel_shows_data(asked: PanelQuery, version: str, run: Run) -> None:
    """Not empty, not only zeros where something happened, and every label of its legend is there."""
    assert flaw_of(run, version, asked) == "", asked.expr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["where"])
def test_an_expression_of_the_specification_is_answered(
    entry: dict[str, str], version: str, run: Run
) -> None:
    """Word for word."""
    assert flaw(ask(run, version, entry["expr"])) == ""


def measured(rule: Rule) -> list[str]:
    """What a rule looks at: for an alert, what it compares. A part that 0 may stand in for is asked alone."""
    expr = compared(rule.expr)[0] if rule.is_alert else rule.expr
    ors = [node for node in nodes(parse(expr)) if str(getattr(node, "op", "")) == "or"]
    return [expr, *(node.lhs.prettify() for node in ors)]


def flaw_of_rule(run: Run, version: str, rule: Rule) -> str:
    return "".join(flaw(ask(run, version, expr), zero_is_fine=True) for expr in measured(rule))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_something_to_look_at(rule: Rule, version: str, run: Run) -> None:
    """An alert on an empty vector never fires. 0 is what one hopes for here."""
    assert flaw_of_rule(run, version, rule) == ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", list(of_runbooks()), ids=str)
def test_a_query_of_a_runbook_can_be_asked(asked: PanelQuery, version: str, run: Run) -> None:
    """It may well find nothing: its reader is at a fault that this run does not have."""
    ask(run, version, asked.expr)


@pytest.mark.parametrize("version", VERSIONS)
def test_alerts_on_what_went_wrong_fire(version: str, run: Run) -> None:
    """A locked store, verdicts that took 6 s, and providers that failed; all targets were up."""
    firing = {s.labels["alertname"] for s in ask(run, version, 'ALERTS{alertstate="firing"}')}
    assert {"HighErrorRate", "HighLatency", "HighLLMErrorRate"} <= firing
    assert firing.isdisjoint({"TargetDown", "TelemetryFaults", "NoCompletions"})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("error_type", ["unavailable", "unhandled"])
def test_both_ways_to_a_5xx_are_told_apart(error_type: str, version: str, run: Run) -> None:
    """A store that failed, and an exception that nobody expected."""
    labels = f'error_type="{error_type}", component="api"'
    assert flaw(ask(run, version, f"increase(errors_total{{{labels}}}[5m])")) == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_link_in_an_alert_that_fires_opens_its_runbook(version: str, run: Run) -> None:
    """As it goes out: the words are filled, and the address is one that answers."""
    alerts = {
        a["labels"]["alertname"]: a["annotations"] for a in run.servers[version].api("alerts")["alerts"]
    }
    for name, words in alerts.items():
        assert httpx.get(words["runbook_url"]).text.startswith(f"# {name}\n"), words
    assert re.fullmatch(r"\d+(\.\d+)?% of the requests .*", alerts["HighErrorRate"]["description"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("known", PROMETHEUS_SERIES, ids=lambda known: known.name)
def test_prometheus_has_the_series_of_its_own_that_panels_read(
    known: KnownSeries, version: str, run: Run
) -> None:
    """With the labels that we say it has; both versions."""
    samples = ask(run, version, known.name)
    assert samples
    for sample in samples:
        assert set(known.labels) <= set(sample.labels)


# Renamed in a copy: the question must come back without an answer.
SLIPS = [
    ("reviewlens_dashboard.json", "http_requests_total{endpoint", "http_request_total{endpoint"),
    ("reviewlens_dashboard.json", "sum by (endpoint)", "sum by (path)"),
    ("reviewlens-demo-kr.json", 'stage=\\"dialogue_active\\"', 'stage=\\"dialogue_running\\"'),
    ("reviewlens-production-kr-v2.json", 'status=\\"success\\"', 'status=\\"ok\\"'),
    ("api_alerts.yml", 'status_code=~"5.."', 'code=~"5.."'),
    ("objective_rules.yml", r'le=~"5(\\.0)?"', 'le="5.00"'),
    ("telemetry_alerts.yml", 'component="telemetry"', 'component="otel"'),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("file", "right", "wrong"), SLIPS, ids=[f"{f}: {w}" for f, _, w in SLIPS])
def test_one_slip_in_a_copy_stays_without_an_answer(
    file: str, right: str, wrong: str, version: str, run: Run, tmp_path: Path
) -> None:
    """The test above can fail: the same question with one name changed is found out."""
    path = next(path for path in [*DASHBOARDS, *(HERE / "alerts").glob("*.yml")] if path.name == file)
    text = path.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / file).write_text(text.replace(right, wrong), encoding="utf-8")
    if file.endswith(".json"):
        flaws = [flaw_of(run, version, asked) for asked in of_dashboard(load(tmp_path / file))]
    else:
        flaws = [flaw_of_rule(run, version, rule) for rule in read_rules(tmp_path)]
    assert any(flaws)
