"""Durations as Prometheus writes and reads them."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.doctor.durations import seconds

UNITS = ("y", "w", "d", "h", "m", "s", "ms")
NUMBERS = st.none() | st.integers(1, 40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15s", 15), ("1m30s", 90), ("250ms", 0.25), ("1h", 3600), ("7d", 604800), ("0", 0), ("0s", 0)],
)
def test_durations_as_prometheus_writes_them(text: str, expected: float) -> None:
    """In seconds."""
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "15", "1.5s", "15sx", "x15s", "-5s", "5 s", "1s1m", "1m1m", "5S", "١s"]
)
def test_what_prometheus_takes_for_none_is_refused(text: str) -> None:
    """With the text and what was expected; nothing is read out of the middle of it."""
    with pytest.raises(ValueError, match="expected a duration such as 15s or 1h30m") as refused:
        seconds(text)
    assert str(refused.value).startswith(repr(text))


@given(st.tuples(*[NUMBERS] * len(UNITS)).filter(any))
def test_the_parser_of_promql_reads_the_same(numbers: tuple[int | None, ...]) -> None:
    """Every order of units that it takes."""
    text = "".join(f"{number}{unit}" for number, unit in zip(numbers, UNITS, strict=True) if number)
    assert seconds(text) == promql_parser.parse_duration(text).total_seconds()
