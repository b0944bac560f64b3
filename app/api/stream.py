"""An answer as server-sent events: the verdict while it is written. A client that leaves stops it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
from anyio.abc import ObjectSendStream
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.schemas import TurnOut
from app.dialogue.engine import Step
from app.llm.verdict import Restart

Event = Step | str | Restart
MEDIA_TYPE = "text/event-stream"
# Events that wait for a slow reader, more than an answer has: the provider never waits, its time is its own.
AHEAD = 10_000
HEADERS = {"content-type": MEDIA_TYPE, "cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(Response):
    """Sends a turn's events. A failure before the first event is answered as without a stream."""

    def __init__(
        self, request: Request, events: AsyncGenerator[Event, None], shape: Callable[[Step], TurnOut]
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._request, self._events, self._shape = request, events, shape
        self._fault: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send to the end, or until the client leaves."""
        async with aclosing(self._events) as events:
            taken = await anext(events)
            waiting, to_send = anyio.create_memory_object_stream[bytes](AHEAD)
            async with waiting, to_send, anyio.create_task_group() as group:
                group.start_soon(_watch, receive, group.cancel_scope)
                group.start_soon(self._write, taken, events, waiting)
                try:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    async for piece in to_send:
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if not self._fault:
                        await send({"type": "http.response.body", "body": b"", "more_body": False})
                except OSError:  # what servers of newer ASGI raise when the client has left
                    pass
                group.cancel_scope.cancel()
        if self._fault:
            raise self._fault

    async def _write(
        self, taken: Event, events: AsyncGenerator[Event, None], waiting: ObjectSendStream[bytes]
    ) -> None:
        async with waiting:
            try:
                if isinstance(taken, Step) and taken.question:
                    await waiting.send(self._sse(taken))
                async for event in events:
                    await waiting.send(self._sse(event))
            except Exception as error:
                await waiting.send(_sse("error", await self._problem(error)))

    def _sse(self, event: Event) -> bytes:
        if isinstance(event, Step):
            return _sse("result", self._shape(event).model_dump_json())
        return _sse("restart", "{}") if isinstance(event, Restart) else _sse("delta", _json({"text": event}))

    async def _problem(self, error: Exception) -> str:
        """The body that the service answers to this error elsewhere. Our own faults are raised in the end."""
        handlers = self._request.app.exception_handlers
        handler = next((handlers[cls] for cls in type(error).__mro__ if cls in handlers), None)
        try:
            if handler:
                return bytes((await handler(self._request, error)).body).decode()
        except Exception as fault:
            error = fault
        self._fault = error
        return _json({"detail": "Internal Server Error"})


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _sse(name: str, data: str) -> bytes:
    # # A piece may end within a surrogate pair; then it is written as JSON spells it.
    return f"event: {name}\ndata: {data}\n\n".encode("utf-8", "backslashreplace")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def wanted(accept: str) -> bool:
    """Whether an Accept header names event streams, and no JSON that it likes better."""
    liked = dict(map(_range, accept.split(",")))
    return liked.get(MEDIA_TYPE, 0) > 0 and liked[MEDIA_TYPE] >= liked.get("application/json", 0)


def _range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return name, float(quality)
    except ValueError:
        return name, 0.0
