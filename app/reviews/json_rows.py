"""The rows of JSON and JSON Lines files. A key that stands twice is remembered: the last would win unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from app.reviews.rows import BadFileError, BadRowError, Fault
from app.reviews.spelling import clean, repeated

SPACE = " \t\r\n"
UNREADABLE = "JSON that cannot be read: nested too deep, or a number too long"

_spelled = lru_cache(clean)


class Repeating(dict[str, Any]):
    """An object some keys of which stand in it more than once."""

    repeated: Sequence[str] = ()


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = {_spelled(key): value for key, value in pairs}
    if len(found) == len(pairs):
        return found
    repeating = Repeating(found)
    repeating.repeated = repeated(_spelled(key) for key, _ in pairs)
    return repeating


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def json_lines(text: str) -> Iterator[tuple[int, Any]]:
    """(line, value or BadRowError) of each line that is not blank."""
    for line, part in enumerate(text.split("\n"), 1):
        if part.strip():
            try:
                yield line, _DECODER.decode(part)
            except json.JSONDecodeError as error:
                yield line, BadRowError(Fault(f"not JSON: {error.msg}", expected="one object on a line"))
            except (ValueError, RecursionError):
                yield line, BadRowError(Fault(UNREADABLE))


def json_list(text: str) -> Iterator[tuple[int, Any]]:
    """The elements of one list, each with the line on which it starts. BadFileError where it is none."""
    at, line = _skip(text, 0), 1
    if text[at] != "[":
        raise BadFileError("expected a list of objects: [{...}, ...]", text.count("\n", 0, at) + 1)
    at, counted = _skip(text, at + 1), 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise BadFileError(f"not JSON, or cut short: {error.msg}", error.lineno) from None
        except (ValueError, RecursionError):  # a number of thousands of digits; brackets without end
            raise BadFileError(UNREADABLE, line) from None
        yield line, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadFileError("not JSON, or cut short: expected ',' or ']'", text.count("\n", 0, at) + 1)
    if (rest := _skip(text, at + 1)) < len(text):
        raise BadFileError("something follows the list", text.count("\n", 0, rest) + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at
