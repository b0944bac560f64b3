"""What a provider sends, as it is read: figures, texts, and things that are not there."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.llm.base import Usage
from app.llm.reading import MOST_TOKENS, at, text_of, tokens


@pytest.mark.parametrize(
    ("figure", "counts_as"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        ("7", 7),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (10**308, None),
        (1e308, None),
        ("9" * 5000, None),
        (-1, None),
        (7.5, None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        (False, None),
        (None, None),
        ("", None),
        ("-7", None),
        ("7.0", None),
        ("٧", None),
        ([7], None),
        ({"total": 7}, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_counts_as_a_figure(figure: Any, counts_as: int | None) -> None:
    """A whole number that can be, in any spelling of JSON; everything else is as if nothing were told."""
    assert tokens(figure) == counts_as


@pytest.mark.parametrize(
    ("figures", "total"),
    [
        ((), None),
        ((None, None), None),
        ((30, None, 10), 40),
        ((None, 0), 0),
        ((30, -1), None),
        ((MOST_TOKENS, 1), None),
    ],
)
def test_a_sum_is_of_the_figures_that_are_told(figures: tuple[Any, ...], total: int | None) -> None:
    """One that cannot be makes the sum one that is not known."""
    assert tokens(*figures) == total


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("가", "가"),
        ([{"type": "text", "text": "가"}, {"type": "output_text", "text": "나"}, {"text": "다"}], "가나다"),
        (["가", "나"], "가나"),
        ([{"type": "thinking", "text": "흠"}, {"type": "text", "text": "가"}], "가"),
        ([{"type": "text", "text": None}, {"type": "text"}, None, 7, []], ""),
        (None, ""),
        (7, ""),
        ({"text": "가"}, ""),
    ],
)
def test_the_text_of_a_content(content: Any, text: str) -> None:
    """A text, or parts that have one."""
    assert text_of(content) == text


@pytest.mark.parametrize(
    "answer", [None, "text", 7, [], {}, {"a": None}, {"a": []}, {"a": ["b"]}, {"a": [[]]}]
)
def test_what_is_not_there_is_none(answer: Any) -> None:
    """On whatever way it was to be found."""
    assert at(answer, "a", 0, "index") is None


def test_figures_of_one_answer_only_rise() -> None:
    """A later event that leaves one out, or has 0 for it, takes nothing back."""
    usage = Usage(0).risen_to(Usage(40, 5)).risen_to(Usage(0, None)).risen_to(Usage())
    assert usage == Usage(40, 5)
