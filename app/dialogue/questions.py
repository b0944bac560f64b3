"""Choose the next question, or none. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.reviews.models import FactorScore, Question

MIN_TURNS = 3
MAX_TURNS = 5
TOP = 3

# Where a product's own questions have run out.
GENERAL = Question(
    question_id="general",
    factor_id="",
    factor_key="",
    question_text="구매를 망설이게 하는 점이 더 있다면 말씀해 주세요.",
    answer_type="no_choice",
    choices=(),
    next_factor_hint="",
)


def next_question(
    questions: Sequence[Question],
    scores: Sequence[FactorScore],
    asked: Collection[str],
    hint: str = "",
) -> Question:
    """The unasked question of the hinted factor, else of the weightiest, else the general one."""
    rank = {score.factor_key: place for place, score in enumerate(scores)}
    unasked = [question for question in questions if question.question_id not in asked]
    return min(
        unasked,
        key=lambda question: (
            not hint or question.factor_key != hint,
            rank.get(question.factor_key, len(rank)),
            question.question_id,
        ),
        default=GENERAL,
    )


def top(scores: Sequence[FactorScore]) -> tuple[str, ...]:
    """The weightiest factors."""
    return tuple(score.factor_key for score in scores[:TOP])


def settled(turn: int, before: Collection[str], now: Collection[str]) -> bool:
    """Whether the dialogue ends with this turn: the top factors stayed the same, or five were asked."""
    return turn >= MAX_TURNS or (turn >= MIN_TURNS and set(before) == set(now))
