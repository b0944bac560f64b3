"""Redirects that stay here. Starlette's own repeat the Host header, which the client chooses."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST = re.compile(rb"([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*")


class RelativeRedirects:
    """Takes the host out of each redirect's Location."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def relative(message: Message) -> None:
            if message["type"] == "http.response.start" and 300 <= message["status"] < 400:
                headers = [(name, _relative(name, value)) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, relative)


def _relative(name: bytes, value: bytes) -> bytes:
    host = _HOST.match(value) if name.lower() == b"location" else None
    # Two slashes at the start would name another host again.
    return b"/" + value[host.end() :].lstrip(b"/\\") if host else value
