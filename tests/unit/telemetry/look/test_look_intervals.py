"""Durations, steps and the interval of rates."""

from __future__ import annotations

import pytest

from telemetry.look.intervals import POINTS, rate_interval, seconds, since, step


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15s", 15), ("1h30m", 5400), ("250ms", 0.25), ("7d", 604_800), ("", None), ("1", None), ("now", None),
     ("5m ", None), (None, None), (5, None)],
)  # fmt: skip
def test_a_duration_is_read_as_it_is_written(text: object, expected: float | None) -> None:
    """Whole or not at all."""
    assert seconds(text) == expected


def test_a_range_ends_now() -> None:
    """Any other start is no length."""
    assert since("now-6h") == 21_600
    assert [since(text) for text in ("now", "now/d", "2026-01-01", None)] == [None] * 4


@pytest.mark.parametrize(
    ("length", "minimums", "expected"),
    [(60, (), 15), (1800, (), 15), (6 * 3600, (), 60), (86_400, (), 225), (60, (None, 60), 60),
     (60, (61,), 75)],
)  # fmt: skip
def test_a_step_is_a_multiple_of_the_scrape_interval(
    length: float, minimums: tuple[float | None, ...], expected: int
) -> None:
    """No finer than a scrape, no more points than a graph is wide."""
    assert step(length, *minimums) == expected
    assert length / step(length, *minimums) <= POINTS


def test_a_rate_has_four_scrapes_at_least() -> None:
    """And a scrape more than a step, so that no increase falls between two points."""
    assert [rate_interval(one) for one in (15, 30, 45, 60, 300)] == [60, 60, 60, 75, 315]
