"""Variables, their defaults, and queries with their values put in, as Grafana documents it."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.look.variables import VariableValue, chosen, fixed_options, options_of, put_in, question

VALUES = {
    "one": VariableValue("one", ("a.b",)),
    "many": VariableValue("many", ("a.b", "c"), is_list=True),
    "single": VariableValue("single", ("a.b",), is_list=True),
    "all": VariableValue("all", ("x", "y"), is_list=True, all_value=".*"),
    "__range": VariableValue("__range", ("60s",)),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('x{a="$one"}', 'x{a="a.b"}'),
        ('x{a=~"$many"}', 'x{a=~"(a\\\\.b|c)"}'),
        ('x{a=~"$single"}', 'x{a=~"a\\\\.b"}'),
        ('x{a=~"${many:regex}"}', 'x{a=~"(a\\.b|c)"}'),
        ('x{a=~"${many:pipe}"}', 'x{a=~"a.b|c"}'),
        ("${many:csv} ${many:raw} ${many:text}", "a.b,c a.b,c a.b + c"),
        ('x{a=~"[[many]]"}', 'x{a=~"(a\\\\.b|c)"}'),
        ('x{a=~"$all"}', 'x{a=~".*"}'),
        ("rate(x[$__range])", "rate(x[60s])"),
        ("$unknown ${unknown:csv} $1", "$unknown ${unknown:csv} $1"),
        ('x{a=~"a$"}', 'x{a=~"a$"}'),
    ],
)
def test_a_query_gets_its_values(text: str, expected: str) -> None:
    """A list is a regular expression, escaped for a string of PromQL; All may have a value of its own."""
    assert put_in(text, VALUES) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("label_values(up, job)", ("label/job/values", [("match[]", "up")])),
        ('label_values(up{a="b,c"}, job)', ("label/job/values", [("match[]", 'up{a="b,c"}')])),
        ("label_values(job)", ("label/job/values", [])),
        ("metrics(http_.*)", ("label/__name__/values", [])),
        ("query_result(sum(up))", ("query", [("query", "sum(up)")])),
        ("anything(else)", None),
    ],
)
def test_a_variable_is_asked_for_its_options(query: str, expected: Any) -> None:
    """By the functions of Grafana's Prometheus source."""
    assert question(query) == expected


def test_options_are_filtered_by_its_expression() -> None:
    """A group of it is the option; All of a result's text is read, too."""
    assert options_of({}, "label_values(job)", ["b", "a", "a"]) == ["a", "b"]
    assert options_of({"regex": "/^(\\w)-/"}, "label_values(job)", ["a-1", "b-2", "c"]) == ["a", "b"]
    assert options_of({"regex": "/(?<text>x/"}, "label_values(job)", ["a"]) == ["a"]
    assert options_of({}, "metrics(^http)", ["http_x", "up"]) == ["http_x"]
    row = {"metric": {"__name__": "up", "job": "a"}, "value": [1, "2"]}
    assert options_of({"regex": '/job="(.)"/'}, "query_result(up)", {"result": [row]}) == ["a"]


@pytest.mark.parametrize(
    ("model", "wanted", "expected"),
    [
        ({"current": {"value": "$__all"}, "includeAll": True, "allValue": ".*"}, None, ("a", "b", ".*")),
        ({"current": {"value": ["$__all"]}, "includeAll": True}, None, ("a", "b", "")),
        ({"includeAll": True, "allValue": ".+"}, None, ("a", "b", ".+")),
        ({}, None, ("a", "")),
        ({"current": {"value": "b"}}, None, ("b", "")),
        ({"current": {"value": "gone"}}, None, ("a", "")),
        ({"current": {"value": ["a", "b"]}, "multi": True}, None, ("a", "b", "")),
        ({"current": {"value": "b"}}, "z", ("z", "")),
    ],
)
def test_a_variable_has_the_board_s_default(
    model: dict[str, Any], wanted: str | None, expected: tuple[str, ...]
) -> None:
    """A value that is gone gives way to the first one; what somebody wants comes first."""
    found = chosen({"name": "v", "type": "query", **model}, ["a", "b"], wanted)
    assert (*found.values, found.all_value) == expected


def test_options_of_other_kinds_stand_in_the_board() -> None:
    """Only a query asks Prometheus."""
    assert fixed_options({"type": "query", "query": "label_values(job)"}) is None
    assert fixed_options({"type": "custom", "query": "a,Name : b"}) == ["a", "b"]
    assert fixed_options({"type": "textbox", "query": "0.1"}) == ["0.1"]
    assert fixed_options({"type": "datasource", "query": None}) == []
    assert chosen({"name": "v", "type": "textbox"}, ["0.1"], None).values == ("0.1",)
