"""/metrics of a process that is no web service: a batch job, an import."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from telemetry.pipeline import start
from telemetry.scraping import Asked, Endpoint, Reply, said


class MetricsServer:
    """Serves /metrics in a thread until closed; `port` is the one it got."""

    def __init__(self, endpoint: Endpoint, host: str, port: int, path: str = "/metrics") -> None:
        self._http = ThreadingHTTPServer((host, port), _handler(endpoint, path))
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
    pipeline = start(**overrides)
    return MetricsServer(pipeline.endpoint, host, port, pipeline.settings.metrics_path)


def _handler(endpoint: Endpoint, path: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.writelines(self._head().pieces)

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> Reply:
            reply = self._reply()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(sum(map(len, reply.pieces))))
            self.end_headers()
            return reply

        def _reply(self) -> Reply:
            at, _, query = self.path.partition("?")
            if at not in (path, f"{path}/"):
                return said(HTTPStatus.NOT_FOUND, f"expected {path}\n")
            headers = {name.lower(): ",".join(self.headers.get_all(name, ())) for name in self.headers}
            asked = Asked(self.command, query, headers)
            return endpoint.refusal(asked) or endpoint.page(asked)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line each."""

    return Handler
