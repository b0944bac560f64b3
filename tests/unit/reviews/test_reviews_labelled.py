"""Precision and recall on the labelled sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.reviews.evaluate import answers, measure, read
from app.reviews.files import read_factors
from app.reviews.opening import SAMPLES

DATA = Path(__file__).parents[2] / "data"
FLOOR = 0.9  # of POS and NEG, in each half; the figures stand in docs/reference/korean-text.md


@pytest.mark.parametrize("half", ["tune", "held_out"])
def test_labels_are_as_right_as_the_docs_say(half: str) -> None:
    """Fails when a change makes the labels worse than the floor."""
    rows = [row for row in read(DATA / "labelled_sentences.csv") if row.half == half]
    given = answers(rows, read_factors(DATA / "labelled_factors.csv"))
    measured = measure((row.label, got) for row, got in zip(rows, given, strict=True))
    below = {
        label: each
        for label, each in measured.items()
        if label in ("POS", "NEG", "all") and min(each.precision, each.recall) < FLOOR
    }
    assert below == {}


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("labelled_sample_reviews.csv", 0.7),
        ("labelled_held_out_reviews.csv", 0.7),
        ("labelled_short.csv", 0.95),
    ],
)
def test_labels_with_the_sample_factors_are_as_right_as_the_docs_say(name: str, floor: float) -> None:
    """Whole reviews, of the sample catalogue and new ones; and short sentences that were tuned on."""
    rows = read(DATA / name)
    given = answers(rows, read_factors(SAMPLES / "factors.csv"))
    measured = measure((row.label, got) for row, got in zip(rows, given, strict=True))
    assert measured["all"].precision >= floor


def test_precision_and_recall_are_counted_per_label() -> None:
    """By hand: two POS expected, one found; one NEG given too many."""
    measured = measure([("POS", "POS"), ("POS", "NEG"), ("NEG", "NEG")])
    assert (measured["POS"].precision, measured["POS"].recall) == (1.0, 0.5)
    assert (measured["NEG"].precision, measured["NEG"].recall) == (0.5, 1.0)
