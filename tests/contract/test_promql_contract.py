"""Dashboards, rules and runbooks select only what exists: metrics, labels, values, bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from support.panels import (
    DASHBOARDS,
    FILLED,
    PanelQuery,
    everything,
    known_series,
    load,
    of_dashboard,
    of_rules,
    panels,
)

from monitoring.contract import IDENTITY, faults, identity_faults
from monitoring.queries import answered_labels, fill, same, selectors, variables
from monitoring.targets import HERE, read_rules
from telemetry.catalog import CATALOG

KNOWN = known_series()


def names(asked: PanelQuery) -> str:
    return str(asked)


def all_faults(asked: PanelQuery) -> list[str]:
    return [f"{asked}: {fault}" for fault in faults(asked.expr, KNOWN)]


@pytest.mark.parametrize("asked", everything(), ids=names)
def test_only_series_that_exist_are_selected(asked: PanelQuery) -> None:
    """Metric, labels, values and bounds stand in the catalogue, in our recording rules or in Prometheus."""
    assert all_faults(asked) == []


@pytest.mark.parametrize("asked", everything(), ids=names)
def test_identity_labels_are_selected_nowhere(asked: PanelQuery) -> None:
    """job, instance and the like differ by path. One rule is free to: it leaves the crawl script out."""
    found = [fault for selector in selectors(asked.expr) for fault in identity_faults(selector)]
    assert found == (["up is selected by job, which differs by path"] if asked.place == "TargetDown" else [])


@pytest.mark.parametrize("asked", everything(), ids=names)
def test_our_own_metrics_are_summed_over_instances(asked: PanelQuery) -> None:
    """No line a worker; and each label in a legend is one that the answer has."""
    series = [KNOWN[selector.metric] for selector in selectors(asked.expr)]
    labels = answered_labels(asked.expr)
    if any(one.origin and ":" not in one.name for one in series):
        assert labels is not None
        assert not labels & IDENTITY
    recorded = {label for one in series if ":" in one.name for label in one.labels}
    assert set(re.findall(r"{{(\w+)}}", asked.legend)) <= (labels or set()) | recorded


def test_the_specification_s_expressions_are_all_on_a_dashboard() -> None:
    """26 of them; filters by variables aside, each is what a panel asks."""
    listed = yaml.safe_load(
        (HERE.parent / "tests/data/specification_promql.yaml").read_text(encoding="utf-8")
    )
    shown = [fill(without_choices(a.raw), FILLED) for path in DASHBOARDS for a in of_dashboard(load(path))]
    assert len(listed) == 26
    missing = [
        entry["where"]
        for entry in listed
        if not any(same(entry.get("shown_as", entry["expr"]), expr) for expr in shown)
    ]
    assert missing == []


def without_choices(expr: str) -> str:
    """An expression without the matchers that a variable fills."""
    bare = re.sub(r'\w+=~"\$\w+",?|,\w+=~"\$\w+"', "", expr)
    return bare.replace(",}", "}").replace("{}", "")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_says_what_it_shows(path: Path) -> None:
    """Title, description, unit, thresholds, a name for every line; ids and places are one panel's own."""
    board = load(path)
    shown = list(panels(board))
    for panel in shown:
        assert panel["title"] and panel["description"], panel
        if panel["type"] != "text":
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["unit"] and defaults["thresholds"]["steps"], panel["title"]
            assert panel["targets"] and all(target["legendFormat"] for target in panel["targets"])
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in board["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert max(x for x, _ in cells) < 24


def test_the_three_dashboards_have_the_specification_s_names() -> None:
    """Files, which are their uids as well; the two Korean ones speak Korean."""
    boards = {path.stem: load(path) for path in DASHBOARDS}
    assert sorted(boards) == ["reviewlens-demo-kr", "reviewlens-production-kr-v2", "reviewlens_dashboard"]
    for name, board in boards.items():
        assert board["uid"] == name
        korean = [panel["title"] for panel in panels(board) if re.search("[가-힣]", panel["description"])]
        assert len(korean) == (len(list(panels(board))) if "kr" in name else 0)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_is_declared_and_used(path: Path) -> None:
    """An undeclared variable reaches Prometheus as text, and the panel is empty."""
    board = load(path)
    declared = {variable["name"] for variable in board["templating"]["list"]}
    bodies = json.dumps([panel for panel in panels(board)])
    builtin = set(FILLED) - {"category", "provider", "endpoint", "price"} | {"__data"}
    assert variables(bodies) - builtin == declared


def test_alerts_on_dashboards_lead_to_their_runbooks() -> None:
    """Each alert is linked somewhere, and no link leads to a runbook that is not there."""
    text = "".join(path.read_text(encoding="utf-8") for path in DASHBOARDS)
    linked = set(re.findall(r"\$\{prometheus_url\}/user/(\w+)\.md", text))
    assert linked == {rule.name for rule in read_rules() if rule.is_alert}
    assert "${prometheus_url}/user/${__data.fields.alertname}.md" in text


def test_every_recording_rule_is_named_by_level_metric_and_operation_and_is_read() -> None:
    """A rule that nobody reads costs storage for nothing."""
    records = [rule for rule in read_rules() if not rule.is_alert]
    read = {selector.metric for asked in everything() for selector in selectors(asked.expr)}
    for rule in records:
        assert re.fullmatch(r"(service|provider|category|objective|slo):[a-z0-9_]+:[a-z0-9_]+", rule.name)
        assert rule.name in read, rule.name


# (where, what is renamed, into what): each is a slip that a person could make.
SLIPS = [
    ("reviewlens_dashboard.json", "http_requests_total{endpoint", "http_request_total{endpoint"),
    ("reviewlens_dashboard.json", "status_code=~", "status=~"),
    ("reviewlens_dashboard.json", "sum by (endpoint)", "sum by (path)"),
    ("reviewlens_dashboard.json", '=~\\"5(', '=~\\"4('),
    ("reviewlens-demo-kr.json", 'stage=\\"dialogue_active\\"', 'stage=\\"dialogue_running\\"'),
    ("reviewlens-production-kr-v2.json", 'status=\\"success\\"', 'status=\\"ok\\"'),
    ("reviewlens-production-kr-v2.json", "service:llm_calls:rate5m", "service:llm_call:rate5m"),
    ("api_alerts.yml", "http_requests_total", "http_requests_count"),
    ("api_alerts.yml", 'status_code=~"5.."', 'code=~"5.."'),
    ("api_alerts.yml", 'status_code=~"5.."', 'status_code="5xx"'),
    ("llm_alerts.yml", 'provider="template"', 'provider="fallback"'),
    ("objective_rules.yml", r'le=~"5(\\.0)?"', 'le="5.0"'),
    ("telemetry_alerts.yml", 'component="telemetry"', 'component="otel"'),
    ("collector_alerts.yml", "refused_metric_points_total", "refused_metric_points"),
]


@pytest.mark.parametrize(("file", "right", "wrong"), SLIPS, ids=[f"{f}: {w}" for f, _, w in SLIPS])
def test_one_slip_in_a_copy_is_found(file: str, right: str, wrong: str, tmp_path: Path) -> None:
    """The contract test can fail: the same look at a copy with one name changed tells the name."""
    path = next(path for path in [*DASHBOARDS, *(HERE / "alerts").glob("*.yml")] if path.name == file)
    text = path.read_text(encoding="utf-8")
    assert right in text
    copy = tmp_path / file
    copy.write_text(text.replace(right, wrong), encoding="utf-8")
    asked = of_dashboard(load(copy)) if copy.suffix == ".json" else of_rules(read_rules(tmp_path))
    assert [fault for each in asked for fault in all_faults(each)] != []


def readers() -> dict[str, set[str]]:
    """Metric of the catalogue -> dashboards and alerts that read it, through recording rules too."""
    rules = read_rules()
    records = {rule.name: rule.expr for rule in rules if not rule.is_alert}
    found: dict[str, set[str]] = {metric.name: set() for metric in CATALOG}
    asked = [(one.source, one.expr) for path in DASHBOARDS for one in of_dashboard(load(path))]
    for reader, expr in [*asked, *((rule.name, rule.expr) for rule in rules if rule.is_alert)]:
        for metric in metrics_behind(expr, records):
            if metric in found:
                found[metric].add(reader)
    return found


def metrics_behind(expr: str, records: Mapping[str, str]) -> set[str]:
    """The catalogue's metrics that an expression reads, itself or through a recording rule."""
    read = {selector.metric for selector in selectors(expr)}
    inner = {s.metric for name in read & records.keys() for s in selectors(records[name])}
    return {KNOWN[metric].origin for metric in read | inner}


def test_the_catalogue_says_who_reads_each_metric() -> None:
    """Both ways: nobody is named who does not read it, and nobody who reads it is left out."""
    assert {metric.name: sorted(metric.read_by) for metric in CATALOG} == {
        name: sorted(who) for name, who in readers().items()
    }


def test_every_metric_is_read_by_somebody() -> None:
    """A metric that no dashboard and no alert reads is one nobody will miss."""
    assert [name for name, who in readers().items() if not who] == []
