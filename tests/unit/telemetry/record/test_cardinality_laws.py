"""Laws of the limit on label sets: any strangers in any order, with label sets becoming known at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from support.laws import examples

from telemetry.record.cardinality import CardinalityLimit
from telemetry.record.schema import OTHER, Label, Metric

FEW = examples(300)
Values = tuple[str, ...]

METRICS = [
    Metric("one_total", "counter", "{thing}", "One open label", (Label("a"),), at_most=12),
    Metric("two_total", "counter", "{thing}", "Two open labels", (Label("a"), Label("b")), at_most=24),
    Metric(
        "mixed_total",
        "counter",
        "{thing}",
        "Open and closed labels",
        (Label("a"), Label("kind", ("x", "y")), Label("b")),
        at_most=40,
    ),
    Metric("shown", "gauge", "{thing}", "A gauge", (Label("a"), Label("b")), at_most=10),
]
metrics = st.sampled_from(METRICS)


def label_sets(metric: Metric) -> st.SearchStrategy[Values]:
    """Few values of the first labels and many of the last, or the other way round; "(other)" among them."""
    open_value = st.integers(0, 60).map(str) | st.sampled_from(["0", "1", OTHER])
    return st.tuples(
        *(st.sampled_from([*label.values, OTHER]) if label.values else open_value for label in metric.labels)
    )


def events(metric: Metric) -> st.SearchStrategy[list[tuple[bool, Values]]]:
    """Whether it is announced or recorded, and the label set."""
    return st.lists(st.tuples(st.booleans(), label_sets(metric)), max_size=150)


cases = metrics.flatmap(lambda metric: st.tuples(st.just(metric), events(metric)))


def played(metric: Metric, happened: Iterable[tuple[bool, Values]]) -> list[tuple[Values, Values]]:
    """What was given and what it became, of each event."""
    limit = CardinalityLimit(metric)
    takes = {True: limit.preinitialise, False: limit.fit}
    return [(values, takes[at_zero](values)) for at_zero, values in happened]


@FEW
@given(cases)
def test_label_sets_never_exceed_the_limit(case: tuple[Metric, list[tuple[bool, Values]]]) -> None:
    """Announced ones, strangers and what they were folded into, together."""
    metric, happened = case
    assert len({fitted for _, fitted in played(metric, happened)}) <= metric.cardinality_limit


@FEW
@given(metrics.flatmap(lambda metric: st.tuples(st.just(metric), st.lists(label_sets(metric), max_size=400))))
def test_strangers_never_exceed_their_room(case: tuple[Metric, list[Values]]) -> None:
    """However many they are, the other half stays for what will be known."""
    metric, strangers = case
    made = {fitted for _, fitted in played(metric, ((False, values) for values in strangers))}
    assert len(made) <= metric.room


@FEW
@given(cases)
def test_what_is_known_stands_under_its_own_name_whatever_came_before(
    case: tuple[Metric, list[tuple[bool, Values]]],
) -> None:
    """As long as no more is announced than half of the limit; for ever after the announcement."""
    metric, happened = case
    limit, known = CardinalityLimit(metric), set[Values]()
    for announced, values in happened:
        if announced and len(known | {values}) <= metric.cardinality_limit - metric.room:
            known.add(values)
            assert limit.preinitialise(values) == values
        fitted = limit.fit(values)
        assert fitted == values or values not in known
    assert {limit.fit(values) for values in known} == known


@FEW
@given(cases)
def test_folding_touches_open_labels_only_and_adds_none(
    case: tuple[Metric, list[tuple[bool, Values]]],
) -> None:
    """Every label keeps its value or has "(other)"; one with a list of values keeps it always."""
    metric, happened = case
    for values, fitted in played(metric, happened):
        assert len(fitted) == len(values)
        for label, given_value, kept in zip(metric.labels, values, fitted, strict=True):
            assert kept == given_value or (kept == OTHER and not label.values)


@FEW
@given(cases)
def test_who_was_admitted_stays(case: tuple[Metric, list[tuple[bool, Values]]]) -> None:
    """A series that was there once takes everything that is recorded to it later."""
    metric, happened = case
    admitted: set[Values] = set()
    for values, fitted in played(metric, happened):
        assert fitted == values or values not in admitted
        if fitted == values:
            admitted.add(values)


@FEW
@given(cases)
def test_totals_are_exact_and_the_same_again(case: tuple[Metric, list[tuple[bool, Values]]]) -> None:
    """Every recording is in one label set; the same events give the same label sets."""
    metric, happened = case
    counts = [Counter(fitted for _, fitted in played(metric, happened)) for _ in range(2)]
    assert counts[0] == counts[1]
    assert counts[0].total() == len(happened)
