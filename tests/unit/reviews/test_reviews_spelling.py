"""What looks the same is the same: names, ids, words; whatever bytes spell it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import pytest
from support.review_files import read

from app.database import Database
from app.reviews.categories import by_name, given, source
from app.reviews.ingest import ingest
from app.reviews.repository import Repository
from app.reviews.spelling import clean

NFD: Final = "NFD"


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        (unicodedata.normalize(NFD, "의자"), "의자"),
        ("\ufeff소음", "소음"),
        ("소\u200b음", "소음"),
        ("소\u2060음\u00ad", "소음"),
        ("소\u3164음", "소음"),
        ("\u200b \ufeff\u2800\u3164", ""),
        ("소음\ufe0f", "소음"),
        ("한 줄\r\n두 줄\u2028세 줄", "한 줄\n두 줄\n세 줄"),
        ("반쪽\ud83d", "반쪽"),
        ("\U000e0041chair\U000e007f", "chair"),
        ("👍\U000e0041", "👍"),
    ],
)
def test_what_nobody_sees_makes_no_difference(typed: str, same: str) -> None:
    """Forms of syllables, marks, joiners, fillers, tags, halves of characters."""
    assert clean(typed) == same
    assert clean(same) == same


@pytest.mark.parametrize("emoji", ["👨‍👩‍👧", "❤️", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈", "👩🏽‍🚀", "☺️"])
def test_emoji_stay_whole(emoji: str) -> None:
    """Within them joiners, selectors and tags are seen."""
    assert clean(f"좋아요{emoji}") == f"좋아요{emoji}"


@pytest.mark.parametrize(
    "name",
    [
        "reviews_shop_chair_20260131",
        "reviews_shop_chair_20260131_093000",
        "reviews_shop_chair_2026-01-31",
        "reviews_shop_chair-2026.01.31",
        "reviews_shop_chair 2026-01-31T09-30-00Z",
        "reviews_shop_chair 2026-01-31 at 9.30.00 AM",
        "reviews_shop_chair_2026년 1월 31일",
        "reviews_shop_chair_31.1.2026",
        "reviews_shop_chair_26-01-31",
        "reviews_shop_chair_2026-01",
        "reviews_shop_chair_1769850000",
        "reviews_shop_chair (2026-01-31)",
        "reviews_shop_chair (1)",
        "reviews_shop_chair(2)",
        "reviews_shop_chair_20260131 (1)",
        "reviews_shop_chair_20260131 - Copy",
        "reviews_shop_chair_20260131 - Copy (3)",
        "reviews_shop_chair - 복사본",
        "reviews_shop_chair copy 2",
        "20260131_reviews_shop_chair",
        "2026-01-31 reviews_shop_chair",
        "reviews_20260131_shop_chair",
        "reviews_shop_2026-01-31_chair",
    ],
)
def test_a_later_export_has_the_source_of_the_first(name: str) -> None:
    """Under any usual form of a date, and what a browser or a file manager adds."""
    assert source(name) == "reviews_shop_chair"


@pytest.mark.parametrize(
    "name", ["reviews_shop_chair_1", "reviews_a_b_chair", "chair-v2", "2026-01-31", "s23"]
)
def test_a_name_without_a_date_is_the_source(name: str) -> None:
    """A page's number is no date, and a name is not emptied."""
    assert source(name) == name


def test_names_and_options_may_be_composed_or_not() -> None:
    """macOS spells file names apart, a keyboard does not."""
    apart = unicodedata.normalize(NFD, "의자")
    assert by_name(Path(f"reviews_{apart}.csv"), {"의자"}) == "의자"
    assert given(apart, {"의자"}) == "의자"
    assert source(f"reviews_{apart}") == source("reviews_의자")


def test_marks_at_any_place_of_a_file_are_left_out(tmp_path: Path) -> None:
    """Files that were put together from several have them within."""
    path = tmp_path / "reviews_chair.csv"
    path.write_text(
        "\ufeff\ufeffreview_id,rating,text\u200b,created_at\n\ufeff1\u200b,5,소\u200b음,\ufeff2026-01-01\n2,5,\u200b,2026-01-01\n"
    )
    contents = read(path)
    assert [(row.value.review_id, row.value.text) for row in contents.rows] == [("1", "소음")]  # type: ignore[union-attr]
    assert [(each.line, each.reason) for each in contents.problems] == [
        (3, "text is empty, expected 1 to 20,000 characters")
    ]


def test_an_export_under_a_newer_form_of_date_updates_what_an_older_version_stored(tmp_path: Path) -> None:
    """The store then still has the date in the source's name."""
    repository = Repository(Database(tmp_path / "state" / "reviewlens.db"))
    factors, reviews = tmp_path / "factors.csv", tmp_path / "reviews_chair_2026-02-01.csv"
    factors.write_text("factor_id,factor_key,category,display_name,anchor_terms\n1,noise,chair,소음,소음\n")
    reviews.write_text("review_id,rating,text,created_at\n1,5,하나,2026-01-01\n")
    ingest(repository, [factors, reviews])
    with repository.database.transaction() as connection:
        connection.execute("UPDATE reviews SET source = 'reviews_chair_2026-01-01'")
    reviews.write_text("review_id,rating,text,created_at\n1,4,둘,2026-01-01\n")
    (report,) = ingest(repository, [reviews]).files
    assert (report.updated, report.problems) == (1, [])
