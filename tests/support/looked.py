"""`telemetry look` for tests: a running one, folders of boards, and servers in Prometheus's place."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from support.servers import HTTP, Server, free_port, run

EMPTY = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}).encode()


def board(uid: str, *expressions: str, **more: Any) -> dict[str, Any]:
    """A dashboard with a panel for each expression."""
    panels = [
        {
            "id": number,
            "type": "timeseries",
            "title": f"panel {number}",
            "targets": [{"refId": "A", "expr": expr}],
        }
        for number, expr in enumerate(expressions, 1)
    ]
    return {"uid": uid, "title": f"Board {uid}", "panels": panels, **more}


def write(folder: Path, *boards: dict[str, Any]) -> Path:
    """A folder with these boards, a file each."""
    folder.mkdir(exist_ok=True)
    for one in boards:
        (folder / f"{one['uid']}.json").write_text(json.dumps(one), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Looking(Server):
    """A running `telemetry look`."""

    def ask(self, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        """Any answer, errors too."""
        return HTTP.request(method, self.url + path, timeout=40, **more)

    def headed(self, **headers: str) -> int:
        """The status of a request to the query API with these headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("/api/prometheus/query", params={"query": "up"}, headers=named).status_code


@contextmanager
def looking(
    folder: Path, prometheus: str, *words: str, env: Mapping[str, str] | None = None
) -> Iterator[Looking]:
    """`telemetry look` at these boards, until the block ends."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "telemetry", "look", "--port", str(port)),
        *("--dashboards", str(folder), "--prometheus", prometheus, *words),
    ]
    prefix = words[words.index("--path-prefix") + 1] if "--path-prefix" in words else ""
    with run(
        command, f"http://127.0.0.1:{port}", f"{prefix.rstrip('/')}/healthz", env=env, kind=Looking
    ) as server:
        yield server


@dataclass(frozen=True)
class Asked:
    """A request as a server in Prometheus's place has it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


Reply = tuple[int, Mapping[str, str], bytes]


@contextmanager
def in_its_place(reply: Callable[[Asked], Reply]) -> Iterator[tuple[str, list[Asked]]]:
    """A server that answers so: its URL, and what it was asked."""
    seen: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked = Asked(self.command, self.path, dict(self.headers.items()), body)
            seen.append(asked)
            status, headers, content = reply(asked)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                """Whoever asked has left."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}", seen
        finally:
            http.shutdown()
            thread.join()
