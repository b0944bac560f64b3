"""What each way of measuring requests adds to one, in process: no sockets, one event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI

from benchmarks.contenders import APPS, BARE
from benchmarks.part import Part, Turn
from benchmarks.service import microseconds
from benchmarks.standing import standing

REQUESTS = 500
TRIES = 6


def timed(make: Callable[[], FastAPI], requests: int = REQUESTS) -> Turn:
    """Microseconds a request."""
    return partial(microseconds, make(), requests)


FACTORIES = {name: partial(timed, make) for name, make in APPS.items()}
# A new process of each for a round, as for the throughput: by where its objects lie, what ours adds differs
# by a tenth.
PART = Part(
    "requests",
    "One request, in process",
    "µs",
    f"Processor time of {REQUESTS:,} requests through the whole ASGI application, without a server. A round "
    f"has a new process of each, and {TRIES} tries, in turns; the best counts.",
    standing(__name__, FACTORIES),
    base=BARE,
    added=True,
    tries=TRIES,
    anew=True,
)
