"""What a provider sends may be anything: what can be read of it, and nothing else.

The SDKs hand on what came, checked or not: objects, dicts, lists, or none of them where one was expected.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

MOST_TOKENS = 10_000_000
"""More than the context of any model: what is reported above it is no figure."""

_DIGITS = re.compile(r"[0-9]{1,20}")
_TEXT_PARTS = (None, "text", "output_text")


def at(value: Any, *path: str | int) -> Any:
    """What stands under names and places in lists; None where there is no such thing."""
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
    """The sum of the figures that a provider reports; None where it reports none, or one that cannot be.

    A figure is a whole number from 0 to MOST_TOKENS, as a number (7, 7.0) or in digits ("7"), and no boolean.
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
