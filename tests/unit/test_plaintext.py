"""Text for pages: what is taken out of it, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plaintext import Pieces, plain

SIGNS = st.sampled_from([*"<>a/! 가\0\r\n\t\u202e\ufeff\u200d", "\ud83d", "\ude00", "😀"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "‹script>alert(1)‹/script>"),
        ("<!-- a --> <?xml <B", "‹!-- a --> ‹?xml ‹B"),
        ("<\0script>", "‹script>"),
        ("<\u202escript>", "‹script>"),
        ("5 < 7, <3, <나>, a <", "5 < 7, <3, <나>, a <"),
        ("a\0b\x1b[31m\x07\x7f\x85c", "ab[31mc"),
        ("\u202e거꾸로\u202c \u2066격리\u2069", "거꾸로 격리"),
        ("줄\r\n줄\r줄\u2028줄\t끝", "줄\n줄\n줄\n줄 끝"),
        ("\ud83d\ude00 \ud83d \ufffe", "😀 \ufffd "),
        (
            "가족 👨\u200d👩\u200d👧, עברית\u200f, می\u200cخواهم",
            "가족 👨\u200d👩\u200d👧, עברית\u200f, می\u200cخواهم",
        ),
        ("a\ufeffb\u200bc\u2060\U000e0041", "abc"),
        ("\u200d \u200b\u200f\n", ""),
        ("\u3164\u2800", ""),
    ],
    ids=ascii,
)
def test_what_a_page_gets(text: str, shown: str) -> None:
    """No control, no turn of direction, no tag; words in any script, and signs among them, as they are."""
    assert plain(text) == shown


@given(st.text(SIGNS))
def test_plain_text_is_plain(text: str) -> None:
    """Doing it again changes nothing, and it can be sent."""
    shown = plain(text)
    assert plain(shown) == shown
    assert shown.encode().decode() == shown


@given(st.lists(st.text(SIGNS, max_size=4)))
def test_pieces_make_the_text_that_they_are_pieces_of(pieces: list[str]) -> None:
    """Wherever it is cut. What could begin a tag, a line end or a character waits for the next piece."""
    plainly = Pieces()
    shown = "".join(map(plainly.add, [*pieces, "."]))
    assert shown == plain("".join([*pieces, "."]))
