"""One spelling for equal looks: composed syllables, no invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), the blank Braille pattern, control
# characters and halves of surrogate pairs.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2800\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff"
)
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff"
)
# Within an emoji they are seen: a joiner, a variation selector, the tags of a flag.
_SEEN_OR_NOT = re.compile(
    rf"(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    rf"|[{_EMOJI}][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?(?:\u200d(?=[{_EMOJI}]))?)"
    rf"|[{_UNSEEN}]+"
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """`text` trimmed, in NFC, without invisible characters, each line end a line feed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    seen = _SEEN_OR_NOT.sub(lambda found: found[1] or "", _LINE_END.sub("\n", text))
    return unicodedata.normalize("NFC", seen).strip()


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once."""
    return [name for name, times in Counter(names).items() if times > 1]
