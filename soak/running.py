"""Programs on free loopback ports, for the soak and for tests: started, waited for, ended.

with run(["prometheus", ...], "http://127.0.0.1:9090", "/-/ready") as server:
    wait_for("the target to be scraped", lambda: "up" in server.get("/metrics").text)
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from telemetry.doctor.prometheus import PrometheusError

ROOT = Path(__file__).parents[1]
T = TypeVar("T")
# One for all: a client of its own for each question costs 50 ms, the question 3.
HTTP = httpx.Client(trust_env=False)


def wait_for(awaited: str, condition: Callable[[], T], seconds: float = 20.0, every: float = 0.1) -> T:
    """The condition's first true answer; at the deadline, AssertionError with the wait and the last view.

    An HTTP error, or a Prometheus without an answer, counts as "not yet".
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen: Any = condition()
        except (httpx.HTTPError, PrometheusError) as error:
            seen = error
        else:
            if seen:
                return seen  # type: ignore[no-any-return]
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {awaited}; last seen: {seen!r}")
        time.sleep(every)


_GIVEN: set[int] = set()


def free_port() -> int:
    """An unused loopback port, another each time: the system may give the same port again at once."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


@dataclass(frozen=True)
class Server:
    """A running process with an address."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path: str, **params: Any) -> httpx.Response:
        """GET a path; errors of HTTP are raised."""
        response = HTTP.get(self.url + path, params=params, timeout=10)
        response.raise_for_status()
        return response


@contextmanager
def run(
    command: Sequence[str | Path],
    url: str,
    ready: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    kind: Callable[[str, subprocess.Popen[bytes], Path], Any] = Server,
    seconds: float = 30.0,
) -> Iterator[Any]:
    """Run a command until the block ends, from the moment `url + ready` answers below 400.

    `env` is laid over this process's environment. A process that ends early fails with its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="reviewlens-log-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(f"{url}{ready}", lambda: _is_ready(process, url + ready, log), seconds)
            yield kind(url, process, log)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes], seconds: float = 15.0) -> None:
    """SIGTERM, wait, and SIGKILL for a process that will not go."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if process.poll() is not None:
        tail = log.read_text(errors="replace")[-2000:]
        raise AssertionError(f"{process.args!r} ended with {process.returncode}:\n{tail}")
    return HTTP.get(url, timeout=5).status_code < 400
