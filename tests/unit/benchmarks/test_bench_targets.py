"""Targets: what is compared with what, and that a table of figures says whether they are met."""

from __future__ import annotations

from fractions import Fraction

import pytest

from benchmarks.page import MeasuredPart, number, summary, tables
from benchmarks.part import Part
from benchmarks.parts import PARTS
from benchmarks.targets import TARGETS, Target

RUN = {"bare": [10.0, 20.0, 30.0], "theirs": [20.0, 40.0, 90.0], "ours": [12.0, 24.0, 36.0]}


def test_every_target_names_rows_that_are_measured() -> None:
    """A part or a contender that is renamed takes its promise along."""
    for target in TARGETS:
        assert target.rows <= PARTS[target.part].contenders.keys(), target


@pytest.mark.parametrize(
    ("target", "measured", "met"),
    [
        (Target("x", "ours", at_most=24), 24, True),
        (Target("x", "ours", at_least=24.1), 24, False),
        (Target("x", "ours", at_most=Fraction(6, 5), to="bare"), 1.2, True),
        (Target("x", "ours", at_most=3.9, without="bare"), 4, False),
        (Target("x", "ours", at_most=Fraction(1, 5), to="theirs", without="bare"), 0.2, True),
        (Target("x", "ours", at_most=Fraction(1, 6), to="theirs", without="bare"), 0.2, False),
    ],
)
def test_a_round_is_compared_with_itself(target: Target, measured: float, met: bool) -> None:
    """The machine was slower in each round than in the one before, and the ratio is the same in all."""
    assert target.measured(RUN) == pytest.approx(measured)
    assert target.met(RUN) is met


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("x", "ours", at_most=20), "at most 20 ms"),
        (Target("x", "ours", at_least=0.94, to="bare"), "at least 0.94 of bare"),
        (Target("x", "ours", at_most=0, without="bare"), "at most 0 ms above bare"),
        (
            Target("x", "ours", at_most=Fraction(1, 6), to="theirs", without="bare"),
            "at most 1/6 of theirs, both above bare",
        ),
    ],
)
def test_a_target_says_what_is_bounded(target: Target, words: str) -> None:
    """The words follow from the entry."""
    assert target.says("ms") == words


((OURS, LOOK),) = ((target.of, str(target.to)) for target in TARGETS if target.part == "turn")
PROMISED = Part("turn", "A turn", "ms", "How.", {}, base=LOOK, added=True)


def test_a_table_has_the_target_beside_its_row() -> None:
    """Median, spread, ratio and difference to the base, then what is promised."""
    measured = MeasuredPart(PROMISED, {LOOK: [2.0, 4.0, 6.0], OURS: [12.0, 24.0, 36.0]})
    assert tables(measured) == [
        "## A turn",
        "",
        "How.",
        "",
        f"|  | median, ms | min to max | ratio to {LOOK} | above {LOOK}, ms | target | measured | met |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| {LOOK} | 4 | 2 to 6 | 1.00 | 0 |  |  |  |",
        f"| {OURS} | 24.0 | 12.0 to 36.0 | 6.00 | 20.0 | at most 4 of {LOOK} | 6 | no |",
        "",
    ]
    assert summary([measured])[-2] == f"| A turn | {OURS} | at most 4 of {LOOK} | 6 | no |"


def test_what_could_not_be_measured_says_why() -> None:
    """A row, or a whole part: the reason stands below, and no target is taken for met."""
    row = MeasuredPart(PROMISED, {LOOK: [1.0]}, {OURS: "pip failed"})
    assert tables(row)[-2] == f"- {OURS} left out: pip failed"
    assert summary([row])[-2] == f"| A turn | {OURS} | at most 4 of {LOOK} | not measured |  |"
    whole = MeasuredPart(PROMISED, {}, {"": "no wrk"})
    assert tables(whole) == ["## A turn", "", "How.", "", "- All left out: no wrk", ""]
    assert summary([whole])[-2] == f"| A turn | {OURS} | at most 4 of {LOOK} | not measured |  |"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1666, "0.167"), (1.5, "1.5"), (12.345, "12.3"), (123.4, "123"), (12345.6, "12,346"), (0.0, "0")],
)
def test_a_number_has_three_figures(value: float, text: str) -> None:
    """And every figure that stands before the point."""
    assert number(value) == text
