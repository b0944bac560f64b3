"""One connection that stays, on which many requests are sent at once and answered in their order."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

Request = tuple[str, str]
"""Method and path; none has a body."""


class RawAnswer(NamedTuple):
    """One answer, with what differs by the moment left out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class KeptAlive:
    """A connection to a loopback port; opened at once, so that no handle is needed later."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), seconds)
        self._file: Any = self._socket.makefile("rb")

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()

    def ask(self, requests: Iterable[Request]) -> list[RawAnswer]:
        """Send all of them, then read as many answers, in the order in which they come."""
        wanted = list(requests)
        heads = [
            f"{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n" for method, path in wanted
        ]
        self._socket.sendall("".join(heads).encode())
        return [self._answer() for _ in wanted]

    def _answer(self) -> RawAnswer:
        status = int(self._line().split(b" ")[1])
        headers = []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        there = tuple(pair for pair in headers if pair[0] != "date")
        return RawAnswer(status, there, self._body(dict(headers)))

    def _line(self) -> bytes:
        line: bytes = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the connection ended amid an answer, after {line!r}")
        return line.rstrip(b"\r\n")

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            whole: bytes = self._file.read(int(headers.get("content-length", "0")))
            return whole
        chunks = []
        while length := int(self._line(), 16):
            chunks.append(self._file.read(length))
            self._line()
        self._line()
        return b"".join(chunks)
