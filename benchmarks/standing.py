"""Contenders in processes of their own, which wait for their turns: globals of one touch no other.

`python -m benchmarks.standing MODULE NAME` is such a process: a line on its stdin is a turn.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from benchmarks.part import Contender, LeftOutError, Turn

Factory = Callable[[], Turn]


def standing(module: str, factories: Mapping[str, Factory]) -> dict[str, Contender]:
    """Contenders from the factories of a module, which has them as FACTORIES."""
    return {name: partial(stand, module, name) for name in factories}


@contextmanager
def stand(module: str, name: str) -> Iterator[Turn]:
    """One contender's process, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, module, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for `make bench`, which ends it
    )
    assert process.stdin and process.stdout
    to, back = process.stdin, process.stdout

    def turn() -> float:
        to.write("\n")
        to.flush()
        answer = back.readline()
        if not answer:
            raise LeftOutError(f"{name} ended with code {process.wait()}; what it said is above")
        return float(answer)

    try:
        yield turn
    finally:
        to.close()  # it ends by itself, and removes what it made
        process.wait()


def main(module: str, name: str) -> None:
    """Answer each line with a figure. What is printed meanwhile is no answer."""
    answers, sys.stdout = sys.stdout, sys.stderr
    turn: Turn = importlib.import_module(module).FACTORIES[name]()
    for _ in sys.stdin:
        print(turn(), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
