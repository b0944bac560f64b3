"""A provider's server that answers each request with given bytes, in the event loop of its client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sent:
    """One HTTP answer. `missing`: so many bytes more are announced than come."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[str, ...] = ()
    missing: int = 0

    def head(self) -> bytes:
        lines = (
            f"HTTP/1.1 {self.status} Whatever",
            f"content-type: {self.content_type}",
            f"content-length: {len(self.body) + self.missing}",
            "connection: close",
            *self.headers,
        )
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


@dataclass
class OddProvider:
    """What it answers next, and how often it was asked."""

    sent: Sent = field(default_factory=lambda: Sent(b""))
    asked: int = 0
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r")[0]
            await reader.readexactly(int(length or 0))
            self.asked += 1
            writer.write(self.sent.head() + self.sent.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()


@asynccontextmanager
async def odd_provider() -> AsyncIterator[OddProvider]:
    """A provider on a free loopback port."""
    provider = OddProvider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    async with server:
        provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield provider
