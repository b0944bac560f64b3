"""How long a request's body may be: beyond it, it is answered with 413 and no longer read."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The longest answer is 2,000 characters, 24,000 bytes where each is written as two escapes.
BODY_BYTES = 65_536


class BodyLimit:
    """Ends the reading of a body that says it is, or turns out to be, longer than BODY_BYTES."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that has an end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared, arrived = _declared(scope), 0

        async def limited() -> Message:
            nonlocal arrived
            _refuse(declared)
            message = await receive()
            arrived += len(message.get("body", b""))
            _refuse(arrived)
            return message

        await self._app(scope, limited, send)


def _declared(scope: Scope) -> int:
    """The length that the request's head tells; 0 where it tells none."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths else 0


def _refuse(length: int) -> None:
    if length > BODY_BYTES:
        raise HTTPException(413, f"the body has more than {BODY_BYTES} bytes; an answer has 2000 characters")
