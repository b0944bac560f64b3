"""Limits of a request's body: its size, its time, and one length. A server alone would wait for the rest of a
body without end, and could not stop meanwhile.
"""

from __future__ import annotations

import anyio
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.metrics import errors_total

# The longest answer is 2,000 characters, 24,000 bytes where each is written as two escapes.
BODY_BYTES = 65_536
BODY_SECONDS = 10.0
_CLOSE = {"Connection": "close"}
_TWO_LENGTHS = "the head has both Content-Length and Transfer-Encoding; a body has one length"
_TOO_LONG = f"the body has more than {BODY_BYTES} bytes; an answer has 2000 characters"


class BodyLimit:
    """Bounds a request's body.

    Answers 413 to a body longer than BODY_BYTES, 408 to a body slower than BODY_SECONDS, and 400 if a proxy
    in front may see another end of it. The last two close the connection. A body that no endpoint reads is
    refused by its declared length, else left unread.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that has an end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refused := _refused(scope):
            errors_total.labels(error_type="validation", component="api").inc()
            await refused(scope, receive, send)
        else:
            await self._app(scope, _Body(receive).receive, send)


class _Body:
    """The body of one request, piece by piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._arrived = 0
        self._deadline: float | None = None
        self._is_whole = False

    async def receive(self) -> Message:
        """The next message. A limit holds for the body; none for the message after it, the client's
        departure.
        """
        message = await (self._receive() if self._is_whole else self._in_time())
        self._is_whole = not message.get("more_body", False)
        self._arrived += len(message.get("body", b""))
        if self._arrived > BODY_BYTES:
            raise HTTPException(413, _TOO_LONG)
        return message

    async def _in_time(self) -> Message:
        if self._deadline is None:
            self._deadline = anyio.current_time() + BODY_SECONDS
        with anyio.CancelScope(deadline=self._deadline):
            return await self._receive()
        raise HTTPException(408, f"the body did not arrive within {BODY_SECONDS:g} s", _CLOSE)


def _refused(scope: Scope) -> JSONResponse | None:
    """The answer to a request refused by its head alone."""
    if _has_two_lengths(scope):
        return JSONResponse({"detail": _TWO_LENGTHS}, 400, _CLOSE)
    if _declared(scope) > BODY_BYTES:
        return JSONResponse({"detail": _TOO_LONG}, 413)
    return None


def _has_two_lengths(scope: Scope) -> bool:
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _declared(scope: Scope) -> int:
    """The request's declared length; 0 without one."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths else 0
