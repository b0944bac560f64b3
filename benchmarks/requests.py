"""What each way of measuring requests adds to one, in process: no sockets, one event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI

from benchmarks.contenders import APPS, BARE
from benchmarks.part import Part, Turn
from benchmarks.service import microseconds
from benchmarks.standing import standing

REQUESTS = 3_000


def timed(make: Callable[[], FastAPI]) -> Turn:
    """Microseconds a request."""
    return partial(microseconds, make(), REQUESTS)


FACTORIES = {name: partial(timed, make) for name, make in APPS.items()}
PART = Part(
    "requests",
    "One request, in process",
    "µs",
    f"Processor time of {REQUESTS:,} requests a round through the whole ASGI application, without a server.",
    standing(__name__, FACTORIES),
    base=BARE,
    added=True,
)
