"""A server of the standard library in a thread: what a test's handler answers, over HTTP or TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that logs nothing. A subclass has do_GET, do_POST or both."""

    def body(self) -> bytes:
        """What was sent with the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; _ stands for - in the headers' names."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class QuietServer(ThreadingHTTPServer):
    """Ends without waiting for clients that stay, and prints no traceback of those that leave."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that gave up, or that does not trust the certificate: its test looks at that."""


@contextmanager
def http_server(
    handler: Callable[..., Any], certificate: trustme.LeafCert | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """The address of a server on a free loopback port until the block ends; with a certificate, over TLS."""
    with QuietServer(("127.0.0.1", 0), handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http{'s' if certificate else ''}://{host}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
