"""What is asked next, and when it is enough."""

from __future__ import annotations

import pytest
from support.reviews import KEYS, question

from app.dialogue.questions import GENERAL, next_question, settled, top
from app.reviews.models import FactorScore

QUESTIONS = tuple(map(question, KEYS))
SCORES = tuple(FactorScore(key, key, 1 - place / 10) for place, key in enumerate(reversed(KEYS)))


def test_the_weightiest_factor_is_asked_about_first() -> None:
    """Scores decide."""
    assert next_question(QUESTIONS, SCORES, ()).factor_key == "suction"


def test_a_hint_goes_before_the_scores() -> None:
    """The last question may name what follows."""
    assert next_question(QUESTIONS, SCORES, (), hint="noise").factor_key == "noise"


def test_an_asked_hint_is_passed_over() -> None:
    """A hint to a question that was put leads nowhere."""
    assert next_question(QUESTIONS, SCORES, ("q-noise",), hint="noise").factor_key == "suction"


def test_without_questions_left_the_general_one_is_put() -> None:
    """A product with few questions still makes a dialogue."""
    assert next_question((), SCORES, ()) is GENERAL


@pytest.mark.parametrize(
    ("turn", "before", "now", "ends"),
    [
        (2, "abc", "abc", False),
        (3, "abc", "abd", False),
        (3, "abc", "cba", True),
        (4, "abc", "abd", False),
        (5, "abc", "xyz", True),
    ],
)
def test_a_dialogue_settles(turn: int, before: str, now: str, ends: bool) -> None:
    """From the third turn on when the top factors stay, in any order; at the fifth always."""
    assert settled(turn, tuple(before), tuple(now)) is ends


def test_the_top_are_three() -> None:
    """The factors that weigh most, in order."""
    assert top(SCORES) == ("suction", "price", "noise")
