"""Every part of `make bench`, in the order in which they run."""

from __future__ import annotations

from benchmarks import (
    access_log,
    latency,
    memory,
    readers,
    recording,
    requests,
    scrape,
    stall,
    starting,
    throughput,
    traces,
    turn,
)

PARTS = {
    part.name: part
    for part in (
        throughput.PART,
        requests.PART,
        recording.PART,
        readers.PART,
        traces.PART,
        scrape.PART,
        latency.PART,
        stall.PART,
        memory.PART,
        turn.PART,
        starting.PART,
        access_log.PART,
    )
}
