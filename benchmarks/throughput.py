"""How much of a bare server's throughput is left, over loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks import wrk
from benchmarks.contenders import APPS, BARE
from benchmarks.part import Part, Turn
from benchmarks.serving import served

CONNECTIONS = 16
SECONDS = 1
BURSTS = 5


@contextmanager
def driven(name: str, seconds: int = SECONDS, access_log: bool = False) -> Iterator[Turn]:
    """Requests a second from one contender."""
    with served(name, access_log) as url:
        yield partial(wrk.rate, url, CONNECTIONS, seconds)


# A new process of each for a round: two of one program differ by some percent, by where its objects happen to
# lie.
PART = Part(
    "throughput",
    "Throughput of a real server",
    "requests/s",
    f"uvicorn with one worker, its default loop and parser, and no access log; wrk on loopback with "
    f"{CONNECTIONS} connections. A round has a new process of each, and {BURSTS} bursts of {SECONDS} s, in "
    "turns; the best counts.",
    {name: partial(driven, name) for name in APPS},
    base=BARE,
    tries=BURSTS,
    best=max,
    anew=True,
)
