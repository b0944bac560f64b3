"""Concerns and factor scores, from answers and reviews."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reviews import corpus, question

from app.plaintext import plain
from app.reviews.models import Question, ShopperAnswer
from app.reviews.scoring import concerns, score
from app.reviews.stance import stance

CORPUS = corpus()
NOISE = replace(
    CORPUS.factors[1], display_name="소음", anchor_terms=("소음", "시끄럽"), context_terms=("아기",)
)
BATTERY = replace(CORPUS.factors[0], display_name="배터리", anchor_terms=("배터리",))
KOREAN = replace(CORPUS, factors=(BATTERY, NOISE, *CORPUS.factors[2:]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("상관없어요", 0.05),
        ("신경 안 써요", 0.05),
        ("신경쓰지않아요", 0.15),
        ("별로 중요하지 않아요", 0.15),
        ("필요 없다", 0.05),
        ("거의 없다", 0.1),
        ("조금 나도 괜찮다", 0.35),
        ("가끔", 0.5),
        ("자주 쓴다", 0.95),
        ("없으면 안 돼요", 1.0),
        ("무시 못 해요", 1.0),
        ("제일 중요해요", 1.0),
        ("상관없지 않아요", 1.0),
        ("집을 비운 낮", None),
    ],
)
def test_the_words_of_an_answer_say_how_much_it_matters(answer: str, expected: float | None) -> None:
    """From "does not matter" over "sometimes" to "must"; None where the words do not say."""
    assert stance(answer) == expected


def test_a_choice_speaks_for_the_questions_factor_alone() -> None:
    """The other factors keep the concern they had."""
    before = concerns(CORPUS, [])
    after = concerns(CORPUS, [ShopperAnswer("중요해요", question("noise"))])
    assert after["noise"] > before["noise"]
    assert {key: value for key, value in after.items() if key != "noise"} == {
        key: value for key, value in before.items() if key != "noise"
    }


def test_what_does_not_matter_falls_below_what_was_not_asked() -> None:
    """상관없어요 lowers the factor, and puts it last."""
    answers = [ShopperAnswer("상관없어요", question("noise"))]
    assert concerns(CORPUS, answers)["noise"] < concerns(CORPUS, [])["noise"]
    assert score(CORPUS, answers)[-1].factor_key == "noise"


def test_the_later_answer_counts() -> None:
    """A shopper may change their mind."""
    first, later = (
        ShopperAnswer("중요해요", question("noise")),
        ShopperAnswer("상관없어요", question("noise")),
    )
    assert concerns(CORPUS, [first, later]) == concerns(CORPUS, [later])


def test_free_text_speaks_for_each_factor_that_it_names() -> None:
    """소음은 상관없는데 배터리가 제일 걱정이에요: two factors, two stances, in one answer to no question."""
    said = concerns(KOREAN, [ShopperAnswer("소음은 상관없는데 배터리가 제일 걱정이에요")])
    unsaid = concerns(KOREAN, [])
    assert said["noise"] < unsaid["noise"]
    assert said["battery"] > unsaid["battery"]
    assert said["price"] == unsaid["price"]


def test_free_text_that_names_nothing_is_about_the_question() -> None:
    """네, 아주 중요해요: about what was asked."""
    said = concerns(KOREAN, [ShopperAnswer("네, 아주 중요해요", question("noise"))])
    assert max(said, key=lambda key: said[key]) == "noise"


def test_a_choice_is_known_as_it_was_shown() -> None:
    """Pages get it without what would be markup there, and send it back so."""
    asked = Question("q", "noise", "noise", "몇 년?", "single_choice", ("1년 <br>", "5년 <br>\0"), "")
    levels = [concerns(CORPUS, [ShopperAnswer(plain(choice), asked)])["noise"] for choice in asked.choices]
    assert levels == [concerns(CORPUS, [ShopperAnswer(choice, asked)])["noise"] for choice in asked.choices]
    assert levels[0] < levels[1]


def test_numbered_choices_rise_with_their_place() -> None:
    """5년 이상 matters more than 1~2년, though neither word says so."""
    asked = Question("q", "noise", "noise", "몇 년?", "single_choice", ("1~2년", "3~4년", "5년 이상"), "")
    levels = [concerns(CORPUS, [ShopperAnswer(choice, asked)])["noise"] for choice in asked.choices]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


def test_complaints_raise_a_score_and_praise_does_not() -> None:
    """With no answers and equal weights, the order is that of the reviews."""
    assert [each.factor_key for each in score(CORPUS, [])] == ["noise", "battery", "price", "suction"]
