"""uvicorn on a socket of our own, so that a port that is taken is one line before anything starts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from telemetry.scrape.listening import Listening

CONNECTIONS = 256
GRACE_SECONDS = 3
"""For answers that are on their way at SIGTERM; nothing is lost with them."""


def bind(wanted: Listening) -> socket.socket:
    """A socket that has the address. Raises SettingsError where it cannot be had."""
    try:
        family, *_, address = socket.getaddrinfo(
            wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(CONNECTIONS)
    except (OSError, UnicodeError) as error:
        raise wanted.refused(error) from None
    return bound


def url(bound: socket.socket, prefix: str) -> str:
    """Where a browser on this machine finds what is served."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}{prefix}/"


def serve(app: ASGIApp, bound: socket.socket, started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    server = _Server(_config(app), started)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again when it has ended
        server.run(sockets=[bound])


@contextmanager
def beside(app: ASGIApp, bound: socket.socket) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    ready = threading.Event()
    server = _Server(_config(app), ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="look", daemon=True)
    thread.start()
    ready.wait(GRACE_SECONDS)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()
