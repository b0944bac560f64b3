"""The real service as the target of an attack: its answers on the wire, its numbers, and what it wrote."""

from __future__ import annotations

import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from support.metrics_page import samples, total
from support.servers import HTTP, free_port, run

SERVE = Path(sys.executable).with_name("reviewlens")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL")
PRODUCT = "chair"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+: ")
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
Requests = Counter[tuple[str, str, str]]


@dataclass
class AttackedService:
    """A running service."""

    url: str
    log: Path
    state: Path
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **named: Any) -> httpx.Response:
        """One request of an ordinary client."""
        return HTTP.request(method, self.url + path, timeout=30, **named)

    def begin(self) -> str:
        """The id of a new dialogue."""
        begun = self.ask("POST", "/api/sessions", json={"product_id": PRODUCT}).raise_for_status()
        return str(begun.json()["session_id"])

    def answer(self, session_id: str, text: str) -> httpx.Response:
        """One answer in a dialogue."""
        return self.ask("POST", f"/api/sessions/{session_id}/turns", json={"answer": text})

    def page(self) -> str:
        """The metrics."""
        return self.ask("GET", "/metrics", headers=self.headers).raise_for_status().text

    def requests(self) -> Requests:
        """Requests by method, template and status."""
        labels = ("method", "endpoint", "status_code")
        counted = ((one.labels, int(one.value)) for one in samples(self.page()) if one.value)
        return Counter({tuple(row[name] for name in labels): number for row, number in counted})  # type: ignore[misc]

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        return total(self.page(), name, **labels)

    def exchange(self, sent: bytes) -> tuple[list[int], bytes]:
        """Send bytes on a new connection, and read until it is closed: the statuses, and all that came."""
        with socket.create_connection(("127.0.0.1", httpx.URL(self.url).port or 0), timeout=30) as wire:
            pieces = []
            try:
                wire.sendall(sent)
                pieces.extend(iter(partial(wire.recv, 65_536), b""))
            except (ConnectionResetError, BrokenPipeError):  # closed before all was sent
                pass
        answered = b"".join(pieces)
        return [int(code) for code in STATUS.findall(answered)], answered

    def assert_well(self) -> None:
        """It answers, nothing was unhandled, and no line of the log was begun by a client."""
        assert self.ask("GET", "/readyz").status_code == 200
        assert self.total("errors_total", error_type="unhandled", component="api") == 0
        assert not [key for key in self.requests() if key[2] >= "500"]
        lines = self.log.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not LINE.match(line)] == []

    def wrote(self, secret: str) -> list[Path]:
        """The files, the log among them, that hold a secret; the sessions' own store may."""
        files = [
            path for path in self.state.rglob("*") if path.is_file() and "reviewlens.db" not in path.name
        ]
        return [path for path in (self.log, *files) if secret.encode() in path.read_bytes()]


@contextmanager
def target(
    state: Path, *flags: str, headers: Mapping[str, str] | None = None, **env: str
) -> Iterator[AttackedService]:
    """`reviewlens serve` with no provider, until the block ends."""
    port = free_port()
    own = {
        **dict.fromkeys(KEYS, ""),
        "REVIEWLENS_STATE_DIR": str(state),
        "REVIEWLENS_PORT": str(port),
        "REVIEWLENS_SESSIONS_PER_MINUTE": "0",
        **env,
    }
    command = (SERVE, "serve", f"--port={port}", *flags)
    with run(command, f"http://127.0.0.1:{port}", "/readyz", env=own, seconds=60) as server:
        yield AttackedService(server.url, server.log, state, headers or {})
