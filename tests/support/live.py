"""An ASGI application on a real uvicorn, in a thread of the test's own process.

with serving(app) as url:
    httpx.get(url + "/")
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serving(app: Callable[..., Any], **config: Any) -> Iterator[str]:
    """The address of a server that runs until the block ends, and then as a SIGTERM would end it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 3, **config}
        server = uvicorn.Server(uvicorn.Config(app, **settings))
        started = threading.Event()
        startup = server.startup

        async def startup_and_tell(sockets: list[socket.socket] | None = None) -> None:
            try:
                await startup(sockets)
            finally:
                started.set()

        server.startup = startup_and_tell  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert started.wait(20), "uvicorn did not start in 20 s"
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "uvicorn did not end in 20 s"
