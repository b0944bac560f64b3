"""The rows of JSON and JSON Lines files. A key that stands twice is remembered: the last would win unseen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from app.reviews.opening import each_line
from app.reviews.rows import BadFileError, BadRowError, Fault
from app.reviews.spelling import clean, repeated

_MORE = re.compile(r"[^ \t\r\n]")
LONGEST_TOKEN = 16  # characters: -Infinity, \uD83D\uDE00
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


def json_lines(pieces: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """(line, value or BadRowError) of each line that is not blank."""
    for number, line in enumerate(each_line(pieces, "\n"), 1):
        if line.strip():
            try:
                yield number, _DECODER.decode(line)
            except json.JSONDecodeError as error:
                yield number, BadRowError(Fault(f"not JSON: {error.msg}", expected="one object on a line"))
            except (ValueError, RecursionError):
                yield number, BadRowError(Fault(UNREADABLE))


def json_list(pieces: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """The elements of one list, each with its first line. BadFileError if the text is no list."""
    text = _Text(iter(pieces))
    if text.after_space() != "[":
        raise BadFileError("expected a list of objects: [{...}, ...]", text.line)
    text.pass_over()
    while text.after_space() != "]":
        yield text.line, text.value()
        if (following := text.after_space()) == ",":
            text.pass_over()
        elif following != "]":
            raise BadFileError("not JSON, or cut short: expected ',' or ']'", text.line)
    text.pass_over()
    if text.after_space():
        raise BadFileError("something follows the list", text.line)


class _Text:
    """The part of a text in reading. `line` is the next character's."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text, self._at = "", 0
        self.line = 1

    def after_space(self) -> str:
        """Skip spaces and show the next character without taking it; empty at the end."""
        while True:
            found = _MORE.search(self._text, self._at)
            self._go_on(found.start() if found else len(self._text))
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def pass_over(self) -> None:
        """Leave the next character behind."""
        self._go_on(self._at + 1)

    def value(self) -> Any:
        """The JSON value that begins here. BadFileError if there is none."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._may_be_cut(error) or not self._read_on():
                    line = self.line + self._text.count("\n", self._at, error.pos)
                    raise BadFileError(f"not JSON, or cut short: {error.msg}", line) from None
            except (ValueError, RecursionError):  # a number of thousands of digits; brackets without end
                raise BadFileError(UNREADABLE, self.line) from None
            else:
                if end < len(self._text) or not self._read_on():  # a number may go on
                    self._go_on(end)
                    return value

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the fault may be that the rest was not read yet."""
        return len(self._text) - error.pos < LONGEST_TOKEN or error.msg.startswith("Unterminated string")

    def _read_on(self) -> bool:
        """Double the part: a long value is then not parsed again for each piece. At the end of the file
        positions stay.
        """
        held = [self._text[self._at :]]
        more = len(held[0]) or 1
        while more > 0 and (piece := next(self._pieces, None)) is not None:
            held.append(piece)
            more -= len(piece)
        if len(held) == 1:
            return False
        self._text, self._at = "".join(held), 0
        return True

    def _go_on(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to
