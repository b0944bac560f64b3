"""Calls of supervisord over its socket, with a time limit: a hanging call is an error with its remedy."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import (  # type: ignore[import-untyped]
    SupervisorTransport,
    UnixStreamHTTPConnection,
)

from scripts.stack.errors import StackError


def supervisor(path: Path, seconds: float) -> Any:
    """The supervisor namespace behind a socket. StackError where a call is not answered within `seconds`."""
    return cast(Any, ServerProxy("http://127.0.0.1", transport=_Transport(path, seconds))).supervisor


class _Connection(UnixStreamHTTPConnection):  # type: ignore[misc]
    """The base class connects without a time-out."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socketfile)


class _Transport(SupervisorTransport):  # type: ignore[misc]
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(None, None, f"unix://{path}")
        self._path, self._seconds = path, seconds
        self._get_connection = self._opened

    def _opened(self) -> _Connection:
        connection = _Connection("localhost", timeout=self._seconds)
        connection.socketfile = str(self._path)
        return connection

    def request(self, *words: Any, **more: Any) -> Any:
        try:
            return super().request(*words, **more)
        except (TimeoutError, BlockingIOError) as error:  # the latter where its queue is full
            pid_file = self._path.with_name("supervisord.pid")
            raise StackError(
                f"supervisord does not answer within {self._seconds:g} s. Kill the process in {pid_file} "
                "(kill -KILL); the next command ends what it leaves."
            ) from error
