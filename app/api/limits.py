"""What a request's body may be: how long, how slow, and of one length.

A server alone would keep waiting for the rest of a body, and could not stop while it does.
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
    """Answers 413 to a body longer than BODY_BYTES, 408 to one that takes longer than BODY_SECONDS, and 400
    where a proxy in front may see another end of it. The last two close the connection.

    A body that no end point reads is refused by the length that its head tells, and else left unread.
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
        """The next message; after the body, which has a limit, the one that the client has left, which has
        none."""
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
    """The answer to a request whose head alone says that its body is not to be read."""
    if _has_two_lengths(scope):
        return JSONResponse({"detail": _TWO_LENGTHS}, 400, _CLOSE)
    if _declared(scope) > BODY_BYTES:
        return JSONResponse({"detail": _TOO_LONG}, 413)
    return None


def _has_two_lengths(scope: Scope) -> bool:
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _declared(scope: Scope) -> int:
    """The length that the request's head tells; 0 where it tells none."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths else 0
