"""Text for pages, from models and review files: none of it is markup, a control or a turn of direction."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

# Controls of terminals and printers; controls that turn the direction of later text, a page's own words
# included (plain marks and joiners stay: scripts and emoji need them); and invisible characters.
_UNSEEN = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u206f"
    "\\u200b\\u2060-\\u2065\\ufeff\\ufff9-\\ufffb\\ufdd0-\\ufdef\\ufffe\\uffff\\U000e0000-\\U000e007f"
)
_DROPPED = re.compile(f"[{_UNSEEN}]")
_LINES = re.compile("\r\n?|[\u2028\u2029]")
_BLANKS = re.compile("[\t\u2800\u3164\uffa0]")
# What begins a tag, a comment or a declaration in HTML. "5 < 7", "<3" and "<나>" do not.
_TAG = re.compile("<(?=[A-Za-z/!?])")
_OPEN_END = re.compile(f"(?:[<\r][{_UNSEEN}]*|[\ud800-\udbff])\\Z")
_ONLY_JOINERS = re.compile("[\\s\u061c\u200c-\u200f\ufe0e\ufe0f]+")
ANGLE = "\u2039"


def plain(text: str) -> str:
    """`text` without control characters, and with ‹ for a < that would begin a tag; other words stay.

    Halves of one character are joined, and a half alone becomes \ufffd. Text without anything to see is "".
    """
    text = _plain(text)
    return "" if _ONLY_JOINERS.fullmatch(text) else text


def _plain(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _TAG.sub(ANGLE, _BLANKS.sub(" ", _LINES.sub("\n", _DROPPED.sub("", text))))


PLAIN = BeforeValidator(lambda value: plain(value) if isinstance(value, str) else value)
PlainText = Annotated[str, PLAIN]


class Pieces:
    """Makes a text plain that comes in pieces. The end of a piece waits where the next one decides on it."""

    def __init__(self) -> None:
        self._waiting = ""

    def add(self, piece: str) -> str:
        """The next part of the plain text."""
        text = self._waiting + piece
        end = _OPEN_END.search(text)
        ready = text[: end.start()] if end else text
        self._waiting = text[len(ready) :]
        return _plain(ready)
