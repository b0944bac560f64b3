"""Review text as people type it."""

from __future__ import annotations

import pytest

from app.reviews.text import compact, excerpt, plain, sentences


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("좋아요오오", "좋아요"),
        ("굿 ㅋㅋㅋㅋ", "굿  "),
        ("진짜아아 별로네에", "진짜아아 별로네"),
        ("최고!!!!!", "최고!!"),
        ("소음오래", "소음오래"),
    ],
)
def test_drawn_out_syllables_and_emoticons_are_taken_out(typed: str, cleaned: str) -> None:
    """Lengthened endings are cut, emoticons blanked, and words that only look alike stay."""
    assert plain(typed)[0] == cleaned


def test_each_character_that_is_left_knows_its_place_in_the_text_as_typed() -> None:
    """An excerpt can be cut from the original by the analyser's offsets."""
    typed = "좋아요오오 ㅋㅋ 조용해요"
    cleaned, places = plain(typed)
    assert typed[places[cleaned.index("조용")] :] == "조용해요"


def test_spacing_and_unicode_form_make_no_difference() -> None:
    """NFC and NFD, with or without spaces, are one text."""
    assert compact("소음 이 없어요") == compact("소음이없어요") == "소음이없어요"


def test_sentences_are_cut_at_marks_lines_and_emoticons() -> None:
    """Korean reviews often end sentences with ㅋㅋ or a new line instead of a full stop."""
    assert list(sentences("좋아요ㅋㅋ 근데 시끄러워요!소음이 커요\n 끝. ")) == [
        "좋아요ㅋㅋ",
        "근데 시끄러워요!",
        "소음이 커요",
        "끝.",
    ]


def test_an_excerpt_is_cut_between_words() -> None:
    """No word is torn where there is a space to cut at."""
    assert excerpt("조용하고 힘이 좋아요", 8) == "조용하고 힘이…"


def test_an_excerpt_never_tears_a_character() -> None:
    """A combining mark or an emoji's joiner stays with what it belongs to."""
    assert excerpt("가" * 5 + "👩\u200d🔧" + "나" * 9, 7) == "가" * 5 + "…"
