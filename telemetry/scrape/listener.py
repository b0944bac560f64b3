"""A port for the metrics alone. Of several workers one has it, and when that ends another takes over."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from telemetry import posix
from telemetry.guard import guard
from telemetry.scrape.endpoint import MetricsEndpoint, Reply, ScrapeRequest, said
from telemetry.scrape.listening import Listening
from telemetry.settings import LISTENER_HOST, LISTENER_PORT, Settings

CONNECTIONS = 32
"""Served at once; more are closed."""
PATIENCE = 10.0
"""Seconds for a head, and for a client to take a page."""
AGAIN = 1.0
"""Seconds until a port that is still taken is tried again."""


class _ThreadedServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self._room = threading.Semaphore(CONNECTIONS)
        super().__init__(found[0][4][:2], handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of a name, which may wait for a resolver."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, where there is room for one."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Make room at its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, *_: Any) -> None:
        """A client that left is no traceback."""


class MetricsServer:
    """Serves the metrics in a thread until closed; `port` is the one it got. OSError when it is taken."""

    def __init__(self, endpoint: MetricsEndpoint, host: str, port: int, path: str = "/metrics") -> None:
        self._http = _ThreadedServer(host, port, _handler(endpoint, path))
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def forget(self) -> None:
        """In a process that was forked: leave the port to the parent, whose thread is not here."""
        self._http.socket.close()


def _handler(endpoint: MetricsEndpoint, path: str) -> type[BaseHTTPRequestHandler]:
    class MetricsHandler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            self.wfile.writelines(self._head().pieces)

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> Reply:
            reply = self._reply()
            self.send_response(reply.status)
            headers = {**reply.headers, "cache-control": "no-store"}
            headers["content-length"] = str(sum(map(len, reply.pieces)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            return reply

        def _reply(self) -> Reply:
            at, _, query = self.path.partition("?")
            if at not in (path, f"{path}/"):
                return said(HTTPStatus.NOT_FOUND, f"expected {path}\n")
            headers = {name.lower(): ",".join(self.headers.get_all(name, ())) for name in self.headers}
            asked = ScrapeRequest(self.command, query, headers)
            return endpoint.refusal(asked) or endpoint.page(asked)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line each."""

    return MetricsHandler


class Listener:
    """The port of the settings. `group`: the folder of this process's workers, None where there is none.
    `may_wait`: whether somebody of the same service may have the port whom no such folder tells of."""

    def __init__(
        self,
        endpoint: MetricsEndpoint,
        settings: Settings,
        group: Callable[[], Path | None],
        may_wait: Callable[[], bool],
    ) -> None:
        self._endpoint, self._settings, self._group, self._may_wait = endpoint, settings, group, may_wait
        self._change = threading.Lock()
        self._turn: int | None = None
        self._server: MetricsServer | None = None
        self._closed: threading.Event | None = None
        posix.in_children(self._forked)

    @property
    def where(self) -> str:
        """Its address, as a scraper on this machine has it."""
        return where(self._settings)

    def open(self) -> None:
        """Listen, or wait in a thread until it is this worker's turn. Raises SettingsError when the port is
        taken by somebody who is no worker of this service."""
        with self._change:
            if self._closed is None:
                self._open()

    def _open(self) -> None:
        is_turn = self._is_turn(self._group())
        try:
            self._server = self._serve() if is_turn else None
        except (OSError, UnicodeError) as error:
            if not self._may_wait():
                self._leave_turn()
                raise wanted(self._settings).refused(error) from None
        self._closed = threading.Event()
        if self._server is None:
            waiting = (self._turn, self._closed)
            threading.Thread(target=self._wait, args=waiting, name="metrics-turn", daemon=True).start()

    def close(self) -> None:
        """Free the port, for another worker or another start."""
        with self._change:
            if self._closed is None:
                return
            self._closed.set()
            self._closed = None
            server, self._server = self._server, None
            if server:
                server.close()
                self._leave_turn()
            self._turn = None  # else of the thread that waits for it

    def _is_turn(self, folder: Path | None) -> bool:
        """Take the workers' lock, which ends with the process that holds it."""
        if folder is None:
            return True
        self._turn = os.open(folder, os.O_RDONLY | posix.NOT_INHERITED)
        return posix.lock(self._turn)

    def _leave_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            os.close(turn)

    def _wait(self, turn: int | None, closed: threading.Event) -> None:
        if turn is not None:
            posix.wait_for_lock(turn)
        while not self._take_over(turn, closed):
            closed.wait(AGAIN)

    def _take_over(self, turn: int | None, closed: threading.Event) -> bool:
        """Whether there is nothing left to wait for."""
        with self._change:
            if closed.is_set():
                if turn is not None:
                    os.close(turn)
                return True
            try:
                self._server = self._serve()
            except (OSError, UnicodeError) as error:
                if not self._may_wait():
                    guard.report("render", "%s; trying again", wanted(self._settings).refused(error))
            return self._server is not None

    def _serve(self) -> MetricsServer:
        settings = self._settings
        return MetricsServer(
            self._endpoint, settings.listener_host, settings.listener_port, settings.metrics_path
        )

    def _forked(self) -> None:
        """In a child: it holds neither the port nor the turn of its parent."""
        self._change = threading.Lock()
        self._closed = None
        server, self._server = self._server, None
        if server:
            server.forget()
        self._leave_turn()


def where(settings: Settings) -> str:
    """The URL of the metrics on a port of their own."""
    host = settings.listener_host
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{settings.listener_port}{settings.metrics_path}"


def wanted(settings: Settings) -> Listening:
    """Its address, by its settings."""
    return Listening(settings.listener_host, settings.listener_port, LISTENER_HOST, LISTENER_PORT)


def check(settings: Settings) -> None:
    """Raise SettingsError where the port cannot be had now."""
    if settings.listens:
        try:
            _ThreadedServer(
                settings.listener_host, settings.listener_port, BaseHTTPRequestHandler
            ).server_close()
        except (OSError, UnicodeError) as error:
            raise wanted(settings).refused(error) from None
