"""A real redis-server on a free loopback port, in memory only.

with redis_server() as server:
    server.client.get("key")
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from support.servers import free_port, stop, wait_for

from scripts.stack.binaries import obtain


@dataclass(frozen=True)
class RedisServer:
    """A running Redis, its address, and a client of it."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    client: Any

    def database(self, number: int) -> RedisServer:
        """One of its sixteen databases, emptied."""
        url = f"redis://127.0.0.1:{self.port}/{number}"
        client = redis.Redis.from_url(url, decode_responses=True)
        client.flushdb()
        return replace(self, url=url, client=client)


@contextmanager
def redis_server(*flags: str | Path, port: int | None = None, password: str = "") -> Iterator[RedisServer]:
    """Until the block ends; what it kept goes with it. `flags` are its settings, as on its command line."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="reviewlens-redis-") as folder:
        log = Path(folder) / "log"
        own = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder, "--logfile", log]
        secret = ["--requirepass", password] if password else []
        process = subprocess.Popen(
            [str(part) for part in (obtain("redis-server"), *own, *secret, *flags)], stdin=subprocess.DEVNULL
        )
        user = f":{quote(password, safe='')}@" if password else ""
        url = f"redis://{user}127.0.0.1:{port}/0"
        client = redis.Redis.from_url(url, decode_responses=True)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            with suppress(redis.ConnectionError):
                return bool(client.ping())
            return False

        try:
            wait_for("Redis to answer", answers, every=0.02)
            yield RedisServer(url, port, process, client)
        finally:
            client.close()
            stop(process)


@contextmanager
def redis_pair() -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary, and a replica that has all of it."""
    with redis_server() as primary:
        follow = ("--replicaof", "127.0.0.1", str(primary.port), "--repl-diskless-sync-delay", "0")
        with redis_server(*follow) as replica:
            wait_for("the replica", lambda: replica.client.info("replication")["master_link_status"] == "up")
            yield primary, replica
