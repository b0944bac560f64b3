"""Review text as people type it: repeated characters, missing or stray spaces, emoticons."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

EXCERPT_LENGTH = 160
LONGEST = 500  # characters of a sentence: the analysis compares its words with each other
ELLIPSIS = "…"

# "좋아요오오" is "좋아요" drawn out: after a vowel-ended syllable, its bare vowel again and again.
_DRAWN = {"요": "오", "네": "에", "다": "아", "아": "아", "어": "어", "해": "애", "돼": "애", "우": "우"}
_JUNK = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]+|[~^*♡♥★☆]+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?…。])\s+|(?<=[ㅋㅎㅠㅜ])\s+|\n+|(?<=[!?])(?=[가-힣])|(?<=[가-힣]\.)(?=[가-힣])"
)
_EDGES = " \t\r\n.,!?~^ㅋㅎㅠㅜ…·-"


def compact(text: str) -> str:
    """`text` without spaces, in one Unicode form: spacing makes no difference."""
    return "".join(unicodedata.normalize("NFC", text).split())


def sentences(text: str) -> Iterator[str]:
    """The sentences of a review, trimmed, as written; one without end is cut, between words if it has any."""
    for sentence in _SENTENCE_END.split(text):
        rest = (sentence or "").strip()
        while len(rest) > LONGEST:
            cut = rest.rfind(" ", LONGEST // 2, LONGEST)
            end = cut if cut > 0 else LONGEST
            yield rest[:end].rstrip()
            rest = rest[end:].lstrip()
        if rest:
            yield rest


def plain(text: str) -> tuple[str, list[int]]:
    """`text` for the analyser: emoticons blanked, drawn-out syllables cut; and each character's old place."""
    blanked = _JUNK.sub(lambda found: " " * len(found.group()), text)
    kept = [at for at in range(len(blanked)) if not _repeats(blanked, at)]
    return "".join(blanked[at] for at in kept), kept


def _repeats(text: str, at: int) -> bool:
    """Whether the character only prolongs the text: a third in a row, or a lengthened vowel."""
    if at >= 2 and text[at] == text[at - 1] == text[at - 2]:
        return True
    start = at
    while start > 0 and text[start - 1] == text[at]:
        start -= 1
    run_ends = at + 1 == len(text) or not _is_syllable(text[at + 1]) or text[at + 1] == text[at]
    return start > 0 and _DRAWN.get(text[start - 1]) == text[at] and text[at] != text[start - 1] and run_ends


def _is_syllable(character: str) -> bool:
    return "가" <= character <= "힣"


def excerpt(text: str, limit: int = EXCERPT_LENGTH) -> str:
    """`text` trimmed, on one line, and cut between words (else between characters) where it is too long."""
    line = " ".join(text.split()).strip()
    if len(line) <= limit:
        return line
    cut = line.rfind(" ", limit // 2, limit)
    end = cut if cut > 0 else limit - 1
    while end > 0 and _joins(line[end]):
        end -= 1
    return line[:end].rstrip() + ELLIPSIS


def _joins(character: str) -> bool:
    """Whether the character belongs to the one before it: a mark, a joiner, a skin tone."""
    joiner = character in "\u200d\ufe0f" or "\U0001f3fb" <= character <= "\U0001f3ff"
    return joiner or unicodedata.combining(character) != 0
