"""Read the usable parts of a provider's answer, which may be anything.

The SDKs hand on the answer, checked or not: objects, dicts, lists, or none of them where one was expected.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

MOST_TOKENS = 10_000_000
"""More than any model's context: a larger figure is none."""

_DIGITS = re.compile(r"[0-9]{1,20}")
_TEXT_PARTS = (None, "text", "output_text")


def at(value: Any, *path: str | int) -> Any:
    """The value at a path of names and list places; None if the path ends early."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            value = getattr(value, step, None) if isinstance(value, BaseModel) else None
    return value


def items(value: Any) -> list[Any]:
    """The items of a list; of anything else none."""
    return value if isinstance(value, list) else []


def text_of(content: Any) -> str:
    """The text of a content: a text, or a list of parts. Parts of other types, as thoughts, have none."""
    if isinstance(content, str):
        return content
    return "".join(map(_text_of_part, items(content)))


def _text_of_part(part: Any) -> str:
    text = part if isinstance(part, str) else at(part, "text")
    return text if isinstance(text, str) and at(part, "type") in _TEXT_PARTS else ""


def tokens(*figures: Any) -> int | None:
    """The sum of a provider's figures; None if it reports none, or an impossible one.

    A figure is an integer from 0 to MOST_TOKENS, as a number (7, 7.0) or in digits ("7"), and no boolean.
    """
    reported = [_figure(figure) for figure in figures if figure is not None]
    counted = [figure for figure in reported if figure is not None]
    if not counted or len(counted) < len(reported):
        return None
    return total if (total := sum(counted)) <= MOST_TOKENS else None


def _figure(value: Any) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MOST_TOKENS and value == int(value) else None
