"""What a line in the access log costs, in throughput: the server's own, and ours in its place."""

from __future__ import annotations

from functools import partial

from benchmarks.contenders import BARE, OURS
from benchmarks.part import Part
from benchmarks.throughput import BURSTS, CONNECTIONS, driven

SECONDS = 1
WITHOUT = "bare, no access log"
PART = Part(
    "access_log",
    "The access log",
    "requests/s",
    f"As the throughput: wrk with {CONNECTIONS} connections, the best of {BURSTS} bursts of {SECONDS} s, in "
    "turns. The lines go to nowhere; ours take the place of uvicorn's.",
    {
        WITHOUT: partial(driven, BARE, SECONDS),
        "bare, uvicorn's access log": partial(driven, BARE, SECONDS, access_log=True),
        "telemetry.instrument, no access log": partial(driven, OURS, SECONDS),
        "telemetry.instrument, its access log": partial(driven, OURS, SECONDS, access_log=True),
    },
    base=WITHOUT,
    tries=BURSTS,
    best=max,
    anew=True,
)
