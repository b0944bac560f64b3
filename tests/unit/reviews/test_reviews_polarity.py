"""What a sentence says of a factor: spacing, particles, negation, contrast."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from app.reviews.files import read_factors
from app.reviews.mentions import mentions
from app.reviews.models import Review

FACTORS = read_factors(Path(__file__).parents[2] / "data" / "labelled_factors.csv")
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def labels(text: str, rating: int = 3) -> dict[str, str]:
    """The label per factor of the robot cleaner."""
    factors = [factor for factor in FACTORS if factor.category == "robot_cleaner"]
    (found,) = mentions([Review("r", rating, text, THEN)], factors)
    return {mention.factor_key: mention.label for mention in found}


@pytest.mark.parametrize(
    "text",
    [
        "소음이 없어요",
        "소음이없어요",
        "소음 이 없 어요",
        "소음은 없어요",
        "소음도 없네요",
        "소음이 전혀 없습니다ㅋㅋㅋㅋ",
        "소음이 너무너무 작아요오오",
        "안 시끄러워요",
        "시끄럽지 않고",
        "시끄럽지는 않아요",
        "시끄러운 소리가 안 나요",
        "소음이 크지 않아요",
        "소음이 커서 걱정했는데 조용해요",
    ],
)
def test_saying_that_noise_is_absent_is_no_complaint(text: str) -> None:
    """However it is spaced, whatever the particle, however it is denied."""
    assert labels(text) == {"noise": "POS"}


@pytest.mark.parametrize(
    "text",
    [
        "소음이 심해요",
        "조용하지 않아요",
        "조용하지가않네요",
        "소음이 없지는 않아요",
        "소음이 없는 건 아니에요",
        "조용한 편은 아니에요",
        "조용하다더니 시끄럽네요",
        "조용했으면 좋겠어요",
    ],
)
def test_denied_praise_and_double_negation_are_complaints(text: str) -> None:
    """Two negations cancel out, and a wish says that it is not so."""
    assert labels(text) == {"noise": "NEG"}


def test_contrast_gives_each_factor_its_own_label() -> None:
    """흡입력은 좋은데 시끄러워요: praise of one, complaint of the other."""
    assert labels("흡입력은 좋은데 시끄러워요") == {"noise": "NEG", "suction": "POS"}


def test_both_sides_of_one_factor_are_mixed() -> None:
    """Praise and complaint in one review, in one sentence or in two."""
    assert labels("평소엔 조용한데 밤에는 시끄러워요") == {"noise": "MIX"}
    assert labels("낮에는 조용합니다. 그런데 터보는 시끄러워요.") == {"noise": "MIX"}


def test_a_word_inside_another_word_is_no_mention() -> None:
    """목소리 is not 소리, 앱솔루트 is no 앱."""
    assert labels("앱솔루트 로봇 목소리가 귀여워요") == {}


@pytest.mark.parametrize(("rating", "label"), [(1, "NEG"), (2, "NEG"), (3, "NEU"), (4, "NEU"), (5, "POS")])
def test_a_fact_without_a_judgement_means_what_a_clear_rating_means(rating: int, label: str) -> None:
    """앱을 세 번 깔았어요 says nothing by itself."""
    assert labels("앱을 세 번 깔았어요", rating) == {"app_connection": label}


def test_not_to_know_is_no_judgement_whatever_the_rating() -> None:
    """소음은 모르겠어요 stays neutral in a review of one star."""
    assert labels("소음은 아직 모르겠어요", 1) == {"noise": "NEU"}


def test_the_excerpt_holds_what_the_label_says() -> None:
    """The sentence that speaks of it, as typed, without the rest of the review."""
    text = "선물로 샀어요. 소음이  없어요ㅎㅎ 다음에 또 살게요."
    (found,) = mentions(
        [Review("r", 5, text, THEN)], [each for each in FACTORS if each.factor_key == "noise"]
    )
    assert [(mention.excerpt, mention.label) for mention in found] == [("소음이 없어요ㅎㅎ", "POS")]


def test_a_mixed_excerpt_shows_both_sides() -> None:
    """From two sentences, one clause each."""
    text = "낮에는 조용합니다. 그런데 터보는 시끄러워요."
    (found,) = mentions(
        [Review("r", 3, text, THEN)], [each for each in FACTORS if each.factor_key == "noise"]
    )
    assert [mention.excerpt for mention in found] == ["낮에는 조용합니다 / 그런데 터보는 시끄러워요"]
