"""Taking PromQL apart: tables of expressions and what they hold."""

from __future__ import annotations

import pytest

from monitoring.queries import (
    Grouping,
    Match,
    Selector,
    answered_labels,
    compared,
    fill,
    groupings,
    same,
    selectors,
    variables,
)


def test_every_selection_is_found_with_its_matchers_and_window() -> None:
    """Ranges in seconds; a name given as __name__ counts as the name."""
    expr = 'rate(a_total{x=~"1|2",y!="3"}[5m]) / b or {__name__="c"} and sum_over_time(d[7d])'
    assert list(selectors(expr)) == [
        Selector("a_total", (Match("x", "=~", "1|2"), Match("y", "!=", "3")), 300.0),
        Selector("b", ()),
        Selector("c", ()),
        Selector("d", (), 604800.0),
    ]


@pytest.mark.parametrize(
    ("match", "value", "holds"),
    [
        (Match("a", "=", "5.."), "500", False),
        (Match("a", "=~", "5.."), "500", True),
        (Match("a", "=~", "5.."), "5000", False),
        (Match("a", "!~", "5.."), "200", True),
        (Match("a", "!=", "200"), "200", False),
    ],
)
def test_a_matcher_is_anchored_at_both_ends(match: Match, value: str, holds: bool) -> None:
    """As Prometheus does it."""
    assert match.holds(value) is holds


@pytest.mark.parametrize(
    ("expr", "labels"),
    [
        ("sum by (a, b) (rate(x[5m]))", {"a", "b"}),
        ("sum(x)", set()),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", {"le"}),
        ("(sum by (a) (x) / sum by (a) (y)) * 100", {"a"}),
        ("topk(5, sum by (a) (x))", {"a"}),
        ("1 - sum(x)", set()),
        ("x > 0", None),
        ("sum without (instance) (x)", None),
    ],
)
def test_the_labels_of_an_answer_are_those_of_its_outermost_by(expr: str, labels: set[str] | None) -> None:
    """None: as they were selected, instances and all."""
    assert answered_labels(expr) == labels


def test_grafana_s_variables_are_filled_in_every_spelling() -> None:
    """One without a value is an error, not an empty panel."""
    raw = 'rate(x{a=~"$a",b=~"${b:regex}"}[$__rate_interval])'
    assert variables(raw) == {"a", "b", "__rate_interval"}
    assert fill(raw, {"a": "1", "b": "2", "__rate_interval": "1m"}) == 'rate(x{a=~"1",b=~"2"}[1m])'
    with pytest.raises(KeyError, match="b"):
        fill(raw, {"a": "1", "__rate_interval": "1m"})


def test_clauses_that_name_labels_are_found_with_their_metrics() -> None:
    """by and on; what without and ignoring take away need not be there."""
    expr = "sum by (a) (x) / on (b) max without (c) (y)"
    assert list(groupings(expr)) == [
        Grouping(("b",), ("x", "y")),
        Grouping(("a",), ("x",)),
    ]


def test_layout_and_outer_brackets_make_no_difference() -> None:
    """Anything else does."""
    assert same("( sum( x ) /\n sum(y) )", "sum(x) / sum(y)")
    assert not same("sum(x) / sum(y)", "sum(y) / sum(x)")


def test_what_an_alert_compares_is_its_left_side_and_a_number() -> None:
    """Also inside `unless`; an expression without a comparison is told apart."""
    assert compared("sum(x) >= 5 unless sum(y) > 0") == ("sum(x)", 5.0)
    with pytest.raises(ValueError, match="expected a comparison with a number"):
        compared("sum(x)")


def test_what_is_not_promql_is_named() -> None:
    """The expression and the parser's words."""
    with pytest.raises(ValueError, match=r"not PromQL: 'sum\(x'"):
        list(selectors("sum(x"))
