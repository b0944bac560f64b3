"""One part of `make bench`: contenders that take turns at one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

Turn = Callable[[], float]
"""Measures once, and tells one figure in the part's unit."""
Contender = Callable[[], AbstractContextManager[Turn]]
"""What is measured, ready for its turns until the block ends."""
Figures = dict[str, list[float]]
"""By contender, a figure a round: what stands at one place was measured in one round."""
Say = Callable[[str], None]


class LeftOutError(Exception):
    """Why a part, or a row of it, cannot be measured on this machine."""


@dataclass(frozen=True)
class Part:
    """One table: what is measured and how, its unit, and the contender that the others are compared with."""

    name: str
    title: str
    unit: str
    about: str
    contenders: Mapping[str, Contender]
    base: str | None = None
    added: bool = False
    """Whether what a contender adds to the base is what counts."""


def measure(part: Part, names: list[str], rounds: int, say: Say) -> Figures:
    """The figures of the named contenders. All are ready from the start and one is driven at a time; every
    other round goes backwards, so that a machine that becomes slower is nobody's disadvantage."""
    figures: Figures = {name: [] for name in names}
    with ExitStack() as ready:
        say("getting ready")
        turns = [(name, ready.enter_context(part.contenders[name]())) for name in names]
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}" if number else "warming up")
            for name, turn in turns[:: -1 if number % 2 else 1]:
                figure = turn()
                if number:
                    figures[name].append(figure)
    return figures
