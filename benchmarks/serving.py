"""Contenders behind a real uvicorn, each a process with one worker; all are up, and one is driven at a time.

`python -m benchmarks.serving NAME` is such a process; it prints its port once it serves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO

import uvicorn

from benchmarks import filling
from benchmarks.contenders import APPS, OURS
from benchmarks.part import LeftOutError
from benchmarks.service import PATH
from telemetry import logs

HOST = "127.0.0.1"


@contextmanager
def served(
    name: str, access_log: bool = False, label_sets: int = 0, lines: IO[str] | int = subprocess.DEVNULL
) -> Iterator[str]:
    """A contender's address, until the block ends. `access_log`: its lines are written, to `lines`.
    `label_sets`: so many are recorded in one histogram beforehand."""
    command = [sys.executable, "-m", __name__, name, "--label-sets", str(label_sets)]
    process = subprocess.Popen(
        [*command, *(["--access-log"] if access_log else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=lines if access_log else None,
        text=True,
        start_new_session=True,  # Ctrl-C is for `make bench`, which ends it
    )
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        if not port:
            raise LeftOutError(f"the server of {name} ended with code {process.wait()}")
        yield f"http://{HOST}:{port}{PATH}"
    finally:
        process.kill()
        process.wait()


class _AnnouncingServer(uvicorn.Server):
    """Tells when it serves."""

    def __init__(self, config: uvicorn.Config, to: TextIO) -> None:
        super().__init__(config)
        self._to = to

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], file=self._to, flush=True)


def _app(name: str, label_sets: int) -> Any:
    filling.widen(label_sets)
    app = APPS[name]()
    filling.fill(label_sets)
    return app


def _config(app: Any, name: str, access_log: bool) -> uvicorn.Config:
    """Ours has its own access log in place of uvicorn's, as `reviewlens serve` has it."""
    if access_log and name == OURS:
        logs.configure("text")
        return uvicorn.Config(app, HOST, 0, access_log=False, log_config=None)
    return uvicorn.Config(app, HOST, 0, access_log=access_log, log_level="info" if access_log else "warning")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve until killed, or until whoever started it has ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--access-log", action="store_true")
    parser.add_argument("--label-sets", type=int, default=0)
    asked = parser.parse_args()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # uvicorn's access log goes to stdout
    app = _app(asked.name, asked.label_sets)
    # uvicorn is to make the socket: on one of ours asyncio would leave Nagle's algorithm on.
    config = _config(app, asked.name, asked.access_log)
    asyncio.run(_AnnouncingServer(config, out).serve())


if __name__ == "__main__":
    main()
