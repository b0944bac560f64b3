"""A long text costs as much as short ones of the same length, and short ones are read as ever."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import pytest
from support.review_files import read

from app.reviews.files import find, read_factors
from app.reviews.mentions import mentions
from app.reviews.models import Review
from app.reviews.opening import SAMPLES
from app.reviews.text import LONGEST, sentences

MOST_CALLS = 250  # a character
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
CHAIR = tuple(factor for factor in read_factors(SAMPLES / "factors.csv") if factor.category == "chair")
UNITS = ("허리", "허리가 아프고 방석이 딱딱하고 ", "허리가 그렇고 ", "허리는데 ", "허리 적 없", "불", "안 ")


def calls(text: str) -> int:
    """How many functions of Python an analysis of the text calls."""
    made = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        list(mentions([Review("1", 3, text, THEN)], CHAIR))
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_the_steps_of_an_analysis_grow_with_the_text(unit: str) -> None:
    """A text four times as long takes about four times as many, and the longest has a bound."""
    calls(unit)  # what is found once and kept
    short, long = (calls((unit * length)[:length]) for length in (2_000, 8_000))
    assert long <= 5 * short
    assert long <= MOST_CALLS * 8_000


def test_a_sentence_without_end_is_cut_between_words() -> None:
    """Nothing of it is lost, and no piece is longer than the analysis can bear."""
    text = "허리가 아프고 방석이 딱딱하고 " * 100
    pieces = list(sentences(text))
    assert " ".join(pieces) == text.strip()
    assert max(map(len, pieces)) <= LONGEST
    assert "".join(sentences("허리" * 10_000)) == "허리" * 10_000


def test_no_sentence_of_the_samples_is_cut() -> None:
    """What people write is far shorter."""
    texts = [
        row.value.text for path in find([SAMPLES]) for row in read(path).rows if isinstance(row.value, Review)
    ]
    assert max(len(sentence) for text in texts for sentence in sentences(text)) < LONGEST / 4
