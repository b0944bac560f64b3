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
BURSTS = 3


@contextmanager
def driven(name: str, seconds: int = SECONDS, access_log: bool = False) -> Iterator[Turn]:
    """Requests a second from one contender; of a new process each time, since two processes of one program
    differ by some percent, by where its objects happen to lie. The best burst counts: what else a machine
    does only ever slows one."""

    def turn() -> float:
        with served(name, access_log) as url:
            return max(wrk.rate(url, CONNECTIONS, seconds) for _ in range(BURSTS))

    with served(name, access_log):
        """It can be served: who cannot is left out."""
    yield turn


PART = Part(
    "throughput",
    "Throughput of a real server",
    "requests/s",
    f"uvicorn with one worker, its default loop and parser, and no access log; wrk on loopback with "
    f"{CONNECTIONS} connections; the best of {BURSTS} bursts of {SECONDS} s a round, of a new process each.",
    {name: partial(driven, name) for name in APPS},
    base=BARE,
)
