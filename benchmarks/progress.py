"""Where a run is: one line that changes on a terminal, a line a step elsewhere."""

from __future__ import annotations

from typing import TextIO


class Progress:
    """Tells which of so many parts is measured, and how far it is."""

    def __init__(self, to: TextIO, parts: int) -> None:
        self._to, self._parts, self._terminal = to, parts, to.isatty()
        self._number, self._name = 0, ""

    def prepare(self, name: str) -> None:
        """What comes before the parts."""
        self._name = name

    def begin(self, name: str) -> None:
        """The next part."""
        self._number += 1
        self._name = f"{self._number}/{self._parts} {name}"

    def say(self, step: str) -> None:
        """How far it is."""
        line = f"{self._name}: {step}"
        self._to.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        self._to.flush()

    def end(self) -> None:
        """Leave the line to what is printed next."""
        if self._terminal:
            self._to.write("\r\x1b[K")
            self._to.flush()
