"""What a test needs beyond this process, as markers: found in what it uses, and held by a guard.

USES says which names stand for a need. They are looked for in the test, in its fixtures, and in what these
use of tests/. A test that has none is `fast`. One that starts a process or opens a socket all the same fails.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

TESTS = str(Path(__file__).parents[1])
USES = {
    "subprocess": "process",
    "multiprocessing": "process",
    "socket": "server",
    "app.reviews.bootstrap.load_samples": "process",
    "support.live": "server",
    "support.http_server": "server",
    "support.otlp_sink": "server",
    "app.llm.simulator.testing": "server",
    "support.redis_server": "redis",
    "support.servers.prometheus": "prometheus",
    "support.servers.alertmanager": "alertmanager",
    "support.servers.collector": "collector",
    "support.containers": "root",
    "support.compose_run": "root",
}
"""Module, or name in one -> marker."""
FOLDERS = {"pipeline": "server", "attack": "server", "stack": "server", "collector": "collector"}
"""What every test of a folder needs."""
BY_HAND = ("slow", "built", "peers")
"""For what takes long by itself, and for what is built first."""
REFUSED = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "socket.bind", "socket.connect"}
"""What Python reports by its audit hooks, and only a test with a need may do."""
_NEEDS = {*USES.values(), *FOLDERS.values(), "built", "peers"}


def mark(item: pytest.Function) -> None:
    """Give a test its markers."""
    folder = item.path.relative_to(TESTS).parts[0]
    needs = {FOLDERS[folder]} if folder in FOLDERS else set()
    needs |= needs_of(_functions(item)) | {one.name for one in item.iter_markers()} & {*USES.values()}
    is_fast = not needs and not any(item.get_closest_marker(name) for name in BY_HAND)
    for need in {"fast"} if is_fast else needs:
        item.add_marker(need)


def _functions(item: pytest.Function) -> list[Any]:
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return [item.function, *(one.func for several in fixtures for one in several)]


def needs_of(found: list[Any]) -> set[str]:
    """The needs of functions and classes, and of what they use by name."""
    seen: dict[int, Any] = {}
    while found:
        one = inspect.unwrap(found.pop())
        if id(one) not in seen:
            seen[id(one)] = one
            found += _used(one)
    return {USES[name] for one in seen.values() for name in _names(one) if name in USES}


def _names(one: Any) -> tuple[str, ...]:
    """A module's, or those of something in a module, and of the module that it is from."""
    if isinstance(one, ModuleType):
        return (one.__name__,)
    module = str(getattr(one, "__module__", None))
    return module, f"{module}.{getattr(one, '__name__', None)}"


def _used(one: Any) -> list[Any]:
    """What a function or a class of tests/ names."""
    if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(TESTS):
        there = one.__globals__
        return [there[name] for code in _codes(one.__code__) for name in code.co_names if name in there]
    if isinstance(one, type) and one.__module__.partition(".")[0] in {"support", "tests"}:
        return [part for part in vars(one).values() if callable(part)]
    return []


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


class AuditGuard:
    """Refuses a test without needs what takes one."""

    def __init__(self) -> None:
        self._is_on = False
        self._refused: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_on and event in REFUSED:
            self._refused.append(f"{event} {arguments}"[:300])
            raise PermissionError(f"{event}: no marker of this test allows it, see tests/support/needs.py")

    @contextmanager
    def over(self, markers: set[str]) -> Iterator[None]:
        """While a test with these markers runs, and the fixtures that it brings."""
        self._refused = []
        self._is_on = not markers & _NEEDS
        try:
            yield
        finally:
            self._is_on = False

    def check(self) -> None:
        """AssertionError for what was refused; whoever tried it may have borne the refusal."""
        assert self._refused == []
