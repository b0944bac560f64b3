"""The product's own sample catalogue keeps the promises of the review file formats."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "app" / "reviews" / "samples"

FACTOR_COLUMNS = [
    "factor_id", "factor_key", "category", "category_name", "product_name", "regret_type", "display_name",
    "description", "anchor_terms", "context_terms", "negation_terms", "weight", "review_mentions",
]  # fmt: skip
QUESTION_COLUMNS = [
    "question_id", "factor_id", "factor_key", "question_text", "answer_type", "choices", "next_factor_hint",
]  # fmt: skip
REGRET_TYPES = {"performance", "comfort", "usability", "hygiene", "durability", "cost", "service"}
FILE_NAME = re.compile(r"reviews_sample_[a-z]+_(?P<category>[a-z_]+)_\d{8}_\d{6}\.json")
HANGUL = re.compile("[가-힣]")


def read_csv(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def category_in(file_name: str, keys: set[str]) -> str:
    """The longest category key that the file name contains, which is how an import finds it."""
    return max((key for key in keys if f"_{key}_" in file_name), key=len)


FACTORS = read_csv("factors.csv")
QUESTIONS = read_csv("questions.csv")
CATEGORIES = sorted({row["category"] for row in FACTORS})
FILES = sorted(SAMPLES.glob("*.json"))
REVIEWS: dict[str, list[dict[str, Any]]] = {
    category_in(path.name, set(CATEGORIES)): json.loads(path.read_text(encoding="utf-8")) for path in FILES
}
ALL_REVIEWS = [review for reviews in REVIEWS.values() for review in reviews]

per_category = pytest.mark.parametrize("category", CATEGORIES)
per_factor = pytest.mark.parametrize(
    "factor", FACTORS, ids=lambda row: f"{row['category']}-{row['factor_key']}"
)


def factors_of(category: str) -> list[dict[str, str]]:
    return [row for row in FACTORS if row["category"] == category]


def mentions(factor: dict[str, str]) -> list[dict[str, Any]]:
    """Reviews of the factor's category that use one of its anchor terms."""
    anchors = factor["anchor_terms"].split("|")
    reviews = REVIEWS[factor["category"]]
    return [review for review in reviews if any(term in review["text"] for term in anchors)]


def shingles(text: str) -> set[str]:
    """Runs of four characters, blanks and signs left out: a near-duplicate shares most of them."""
    letters = "".join(re.findall(r"\w", text))
    return {letters[i : i + 4] for i in range(len(letters) - 3)}


def test_six_categories_or_more_have_one_review_file_each() -> None:
    """robot_cleaner and appliance are among them, and every file name says its category."""
    assert len(CATEGORIES) >= 6
    assert {"robot_cleaner", "appliance"} <= set(CATEGORIES)
    named = [match["category"] for path in FILES if (match := FILE_NAME.fullmatch(path.name))]
    assert sorted(named) == CATEGORIES


def test_csv_headers_are_the_documented_columns() -> None:
    """Column names and their order are those that existing users have."""
    headers = {
        name: (SAMPLES / name).read_text(encoding="utf-8").splitlines()[0].split(",")
        for name in ("factors.csv", "questions.csv")
    }
    assert headers == {"factors.csv": FACTOR_COLUMNS, "questions.csv": QUESTION_COLUMNS}


def test_ids_are_unique_over_the_whole_catalogue() -> None:
    """No factor, question or review id is used twice, also across categories."""
    ids = [row["factor_id"] for row in FACTORS]
    ids += [f"q{row['question_id']}" for row in QUESTIONS] + [review["review_id"] for review in ALL_REVIEWS]
    assert [name for name, times in Counter(ids).items() if times > 1] == []


@per_category
def test_a_category_has_eight_factors_and_questions_and_sixty_reviews(category: str) -> None:
    """Each is enough for a dialogue of five turns with something left to choose from."""
    keys = [row["factor_key"] for row in factors_of(category)]
    ids = {row["factor_id"] for row in factors_of(category)}
    assert len(keys) == len(set(keys)) >= 8
    assert sum(row["factor_id"] in ids for row in QUESTIONS) >= 8
    assert len(REVIEWS[category]) >= 60


@per_category
def test_a_category_is_one_product_with_korean_names(category: str) -> None:
    """All factor rows of a category agree on its name and product, so that one product is listed."""
    names = {(row["category_name"], row["product_name"]) for row in factors_of(category)}
    assert len(names) == 1
    assert all(HANGUL.search(name) for name in names.pop())


@per_factor
def test_factor_row_is_complete(factor: dict[str, str]) -> None:
    """Every cell has a value of the documented kind; terms are neither empty nor repeated."""
    assert [column for column in FACTOR_COLUMNS if not factor[column].strip()] == []
    assert re.fullmatch("[a-z][a-z_]*", factor["factor_key"])
    assert factor["regret_type"] in REGRET_TYPES
    assert HANGUL.search(factor["display_name"])
    assert HANGUL.search(factor["description"])
    assert 0.5 <= float(factor["weight"]) <= 1.5
    for column in ("anchor_terms", "context_terms", "negation_terms"):
        terms = factor[column].split("|")
        assert terms == [term.strip() for term in dict.fromkeys(terms) if term.strip()]


@per_factor
def test_factor_is_spoken_of_in_both_directions(factor: dict[str, str]) -> None:
    """Several good and several poor reviews use its anchor terms, and review_mentions counts them all."""
    found = mentions(factor)
    assert int(factor["review_mentions"]) == len(found)
    assert sum(review["rating"] >= 4 for review in found) >= 3
    assert sum(review["rating"] <= 3 for review in found) >= 3


@per_factor
def test_factor_has_a_question(factor: dict[str, str]) -> None:
    """A dialogue can ask about every factor."""
    asked = {(row["factor_id"], row["factor_key"]) for row in QUESTIONS}
    assert (factor["factor_id"], factor["factor_key"]) in asked


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda row: row["question_id"])
def test_question_row_is_complete(question: dict[str, str]) -> None:
    """It belongs to a known factor, hints at another one of its category, and has choices if it says so."""
    owner = next(row for row in FACTORS if row["factor_id"] == question["factor_id"])
    others = {row["factor_key"] for row in factors_of(owner["category"])} - {owner["factor_key"]}
    assert question["factor_key"] == owner["factor_key"]
    assert question["next_factor_hint"] in others | {""}
    assert HANGUL.search(question["question_text"])
    choices = question["choices"].split("|") if question["choices"] else []
    assert len(choices) in {"single_choice": (2, 3, 4), "no_choice": (0,)}[question["answer_type"]]
    assert choices == [choice.strip() for choice in dict.fromkeys(choices) if choice.strip()]


@per_category
def test_reviews_have_the_documented_shape(category: str) -> None:
    """Columns, marked ids, ratings 1 to 5, Korean text, and times with a zone over most of a year."""
    reviews = REVIEWS[category]
    expected = [f"sample-{category}-{number:03d}" for number in range(1, len(reviews) + 1)]
    assert [review["review_id"] for review in reviews] == expected
    assert {tuple(review) for review in reviews} == {("review_id", "rating", "text", "created_at")}
    assert {type(review["rating"]) for review in reviews} == {int}
    assert {review["rating"] for review in reviews} == {1, 2, 3, 4, 5}
    assert [review["review_id"] for review in reviews if not HANGUL.search(review["text"])] == []
    times = [datetime.fromisoformat(review["created_at"]) for review in reviews]
    assert all(time.utcoffset() == timedelta(hours=9) for time in times)
    assert timedelta(days=270) < max(times) - min(times) <= timedelta(days=366)


@per_category
def test_ratings_lean_to_the_good_with_enough_poor_ones(category: str) -> None:
    """More than half are 4 or 5, and at least a quarter are 1 to 3, as shops see it."""
    ratings = [review["rating"] for review in REVIEWS[category]]
    good = sum(rating >= 4 for rating in ratings) / len(ratings)
    assert 0.5 < good <= 0.75


def test_no_review_is_a_near_duplicate_of_another() -> None:
    """Of the character runs of any two reviews, in whatever category, less than a fifth are shared."""
    runs = [(review["review_id"], shingles(review["text"])) for review in ALL_REVIEWS]
    close = [(left, right) for (left, a), (right, b) in combinations(runs, 2) if 5 * len(a & b) >= len(a | b)]
    assert close == []


@per_category
def test_reviews_are_short_and_long(category: str) -> None:
    """One-liners, paragraphs, and negated complaints are all there, as retrieval has to cope with each."""
    texts = [review["text"] for review in REVIEWS[category]]
    assert sum(len(text) <= 30 for text in texts) >= 5
    assert sum(len(text) >= 70 for text in texts) >= 5
    assert sum(bool(re.search(r"없|않|안 ", text)) for text in texts) >= 15
