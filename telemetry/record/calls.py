"""Guard callers' calls: a wrong call is a telemetry fault with its place in the log, and no more."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from telemetry.guard import guard

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

# The methods of prometheus_client's metrics; the first give a value that callers go on with.
BLOCKS = ("time", "count_exceptions", "track_inprogress", "labels")
NAMES = (
    *BLOCKS,
    *("inc", "dec", "set", "set_to_current_time", "set_function", "observe", "reset", "info", "state"),
    *("remove", "remove_by_labels", "clear", "collect", "describe"),
)
_PASSED_OVER = ("telemetry", "contextlib", "functools")
_WRONG = (TypeError, ValueError, AttributeError)


def fault() -> None:
    """Deal with the exception being handled, as guard.fault("record"). A wrong call is logged with its place,
    and has a spell of its own.
    """
    is_wrong = isinstance(sys.exc_info()[1], _WRONG)
    guard.fault("record", caller() if is_wrong else "")


def caller() -> str:
    """`file:line` of the code that called telemetry; "" where it calls itself, as in a thread of its own."""
    frame = inspect.currentframe()
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""


def guarded(otherwise: object = None) -> Callable[[F], F]:
    """Turn a call's exception into a fault. The call then gives `otherwise`; if that is something, and the
    call was meant as a decorator, the function.
    """

    def decorate(call: F) -> F:
        @functools.wraps(call)
        def guarded_call(*args: Any, **named: Any) -> Any:
            try:
                return call(*args, **named)
            except Exception:
                fault()
                is_decorator = otherwise is not None and args and inspect.isroutine(args[-1])
                return args[-1] if is_decorator else otherwise

        return cast(F, guarded_call)

    return decorate


def complete(otherwise: object) -> Callable[[type[T]], type[T]]:
    """Give a class prometheus_client's calls that it lacks: each is a fault. Those of BLOCKS then give
    `otherwise`.
    """

    def decorate(kind: type[T]) -> type[T]:
        for name in NAMES:
            if not hasattr(kind, name):
                guard_call = guarded(otherwise if name in BLOCKS else None)
                setattr(kind, name, guard_call(_lacking(kind, name)))
        return kind

    return decorate


def _lacking(kind: type, name: str) -> Callable[..., Any]:
    def call(self: Any, *_: object, **__: object) -> None:
        raise AttributeError(
            f"{self.metric.name}: {kind.__name__} has no {name}(); calls: docs/reference/recording.md"
        )

    call.__name__ = name
    return call
