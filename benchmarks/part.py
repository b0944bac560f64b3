"""One part of `make bench`: contenders that take turns at one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import cycle

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
    tries: int = 1
    best: Callable[[Iterable[float]], float] = min
    """So often each has its turn in a round, and the best figure is the round's: what else a machine does
    only ever slows one."""
    anew: bool = False
    """Whether contenders are made ready anew for each round; no round is for warming up then."""


def measure(part: Part, names: list[str], rounds: int, say: Say) -> Figures:
    """The figures of the named contenders. All are ready when one is driven; every other time they take turns
    backwards, so that a machine that becomes slower is nobody's disadvantage."""
    figures: Figures = {name: [] for name in names}
    orders = cycle((1, -1))
    with ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for number in range(part.anew, rounds + 1):
            if part.anew or not turns:
                say("getting ready")
                stack.close()
                turns = {name: stack.enter_context(part.contenders[name]()) for name in names}
            say(f"round {number} of {rounds}" if number else "warming up")
            taken = [_all(turns, next(orders)) for _ in range(part.tries)]
            if number:
                for name in names:
                    figures[name].append(part.best(one[name] for one in taken))
    return figures


def _all(turns: Mapping[str, Turn], order: int) -> dict[str, float]:
    """One turn each."""
    return {name: turns[name]() for name in list(turns)[::order]}
