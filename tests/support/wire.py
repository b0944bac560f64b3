"""Strange requests, the same for a seed; as a program, it sends them over keep-alive connections, pipelined.

python wire.py PORT SEED COUNT prints how many answers had each status, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

PLACES = ("/{}", "/api/products/{}", "/api/sessions/{}", "/api/sessions/{}/turns", "/a/{}/b?q={}", "/%00{}")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY")
CONNECTIONS = 8
BATCH = 50


class Strange(NamedTuple):
    """One request without a body: nobody sends its path, host or user agent twice."""

    method: str
    target: str
    host: str
    user_agent: str


def strange(seed: int) -> Iterator[Strange]:
    """Endless requests; every third has a method that nobody knows."""
    rng = random.Random(seed)  # noqa: S311 - the same for a seed

    def text() -> str:
        return f"{rng.getrandbits(64):x}"

    while True:
        unknown = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=8))
        method = rng.choice((*METHODS, *[unknown] * (len(METHODS) // 2)))
        target = rng.choice(PLACES).format(text(), text())
        yield Strange(method, target, f"{text()}.test", f"agent/{text()}")


async def _answered(reader: asyncio.StreamReader, method: str) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    lengths = [line.split(":")[1] for line in head.splitlines() if line.startswith("content-length:")]
    if method != "HEAD" and status != 204:
        await reader.readexactly(int(lengths[0]))
    return status


async def _send(port: int, requests: Iterator[Strange]) -> Counter[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: Counter[int] = Counter()
    while batch := list(islice(requests, BATCH)):
        for one in batch:
            head = f"{one.method} {one.target} HTTP/1.1\r\nhost: {one.host}\r\nuser-agent: {one.user_agent}"
            writer.write(f"{head}\r\ncontent-length: 0\r\n\r\n".encode())
        for one in batch:
            answers[await _answered(reader, one.method)] += 1
    writer.close()
    return answers


async def _all(port: int, seed: int, count: int) -> Counter[int]:
    requests = islice(strange(seed), count)
    return sum(await asyncio.gather(*(_send(port, requests) for _ in range(CONNECTIONS))), Counter[int]())


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(*map(int, sys.argv[1:])))))  # noqa: T201 - its answer
