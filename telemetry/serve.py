"""/metrics of a process that is no web service: a batch job, an import."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from telemetry.exposition import FAILED, NOT_SCRAPED, PLAIN, Exposition
from telemetry.guard import guard
from telemetry.pipeline import start


class MetricsServer:
    """Serves /metrics in a thread until closed; `port` is the one it got."""

    def __init__(self, exposition: Exposition | None, host: str, port: int) -> None:
        self._http = ThreadingHTTPServer((host, port), _handler(exposition))
        self._http.daemon_threads = True
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def serve_metrics(port: int, host: str = "127.0.0.1", **overrides: Any) -> MetricsServer:
    """Start the pipeline and serve its /metrics on `port` (0: any). Raises OSError when the port is taken.

    `overrides` as of start(): a job beside a service needs a service_name of its own.
    """
    return MetricsServer(start(**overrides).exposition, host, port)


def _handler(exposition: Exposition | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(self._head())

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> bytes:
            status, body, content_type = self._answer()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def _answer(self) -> tuple[int, bytes, str]:
            if self.path.partition("?")[0] != "/metrics":
                return 404, b"expected /metrics\n", PLAIN
            if exposition is None:
                return 404, NOT_SCRAPED.encode(), PLAIN
            try:
                return 200, *exposition.render(self.headers.get("Accept", ""))
            except Exception:
                guard.fault("render")
                return 500, FAILED, PLAIN

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line each."""

    return Handler
