"""Contenders for which each turn is a new process: `python -m benchmarks.fresh MODULE NAME` is one turn."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from benchmarks.part import Contender, LeftOutError, Turn

Once = Callable[[], float]


def fresh(module: str, once: Mapping[str, Once]) -> dict[str, Contender]:
    """Contenders from the functions of a module, which has them as ONCE. Its import brings in nothing that
    they measure."""
    return {name: partial(_contender, module, name) for name in once}


@contextmanager
def _contender(module: str, name: str) -> Iterator[Turn]:
    """All its turns have one working folder, which is empty at first."""
    with tempfile.TemporaryDirectory(prefix="reviewlens-bench-") as folder:
        yield partial(_turn, module, name, folder)


def _turn(module: str, name: str, folder: str) -> float:
    command = [sys.executable, "-m", __name__, module, name]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LeftOutError(f"{name} ended with code {done.returncode}; what it said is above")
    return float(done.stdout)


if __name__ == "__main__":
    print(importlib.import_module(sys.argv[1]).ONCE[sys.argv[2]]())
