"""Playing a scene over a connection: latency, pace, and all the ways in which an answer may not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import anyio
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.llm.simulator.answers import Asked, Said
from app.llm.simulator.script import Scene
from app.llm.simulator.wire import BAD_KEY, Wire, dump

Connections = dict[object, asyncio.BaseTransport]

_MESSAGES = {
    "auth": BAD_KEY,
    "rate_limit": "Too many simulated requests.",
    "server": "The simulated service is overloaded.",
}


@dataclass(frozen=True)
class Plan:
    """What goes over the wire. `cut`: the connection closes after the frames, `silent`: it stays, and waits.

    `length`: the length that is announced, in bytes; None for a stream.
    """

    frames: tuple[bytes, ...] = ()
    content_type: bytes = b"application/json"
    length: int | None = None
    cut: bool = False
    silent: bool = False


def plan(wire: Wire, asked: Asked, said: Said, scene: Scene) -> Plan:
    """The plan of a scene in a provider's protocol."""
    if scene.outcome == "hang":
        return Plan(silent=True)
    if scene.outcome == "drop":
        return Plan(cut=True)
    if scene.status >= 400:
        return body(dump(wire.error(scene.status, _MESSAGES.get(scene.outcome, "A simulated failure."))))
    frames = tuple(wire.events(said, asked)) if asked.streamed else (dump(wire.whole(said)).encode(),)
    if scene.outcome == "invalid_json":
        frames = (frames[0][: len(frames[0]) * 2 // 3] + (b"\n\n" if asked.streamed else b""),)
    return _cut(frames, asked.streamed, scene.outcome == "half")


def body(text: str) -> Plan:
    """The plan of a whole JSON answer."""
    data = text.encode()
    return Plan((data,), length=len(data))


def _cut(frames: tuple[bytes, ...], streamed: bool, half: bool) -> Plan:
    length = None if streamed else len(frames[0])
    content_type = b"text/event-stream" if streamed else b"application/json"
    if half and streamed:
        frames = frames[: len(frames) // 2]
    elif half:
        frames = (frames[0][: len(frames[0]) // 2],)
    return Plan(frames, content_type, length, cut=half)


class Player:
    """Plays plans. Knows the server's connections, because no ASGI message closes one."""

    def __init__(self) -> None:
        self._connections: Connections = {}

    def protocol(self) -> type[H11Protocol]:
        """The protocol class that the server must run with."""
        connections = self._connections

        class Known(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.client, None)
                super().connection_lost(exc)

        return Known

    async def play(self, plan: Plan, scene: Scene, scope: Scope, receive: Receive, send: Send) -> bool:
        """Play a plan to its end. False: the client left before."""
        done = False
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await anyio.sleep(scene.latency)
            if plan.silent:
                await anyio.sleep_forever()
            if plan.frames:
                await _send(plan, scene, send)
            done = True
            if plan.cut:
                self._close(scope)
                await anyio.sleep_forever()
            group.cancel_scope.cancel()
        return done

    def _close(self, scope: Scope) -> None:
        connection = self._connections.get(tuple(scope["client"]))
        if connection is not None:
            connection.close()


async def _send(plan: Plan, scene: Scene, send: Send) -> None:
    headers = [(b"content-type", plan.content_type), (b"x-request-id", b"simulated")]
    if plan.length is not None:
        headers.append((b"content-length", str(plan.length).encode()))
    if scene.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": scene.status, "headers": headers})
    for frame in _paced(plan.frames):
        if frame is None:
            await anyio.sleep(scene.script.pace_seconds)
        else:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
    if not plan.cut:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _paced(frames: tuple[bytes, ...]) -> Iterable[bytes | None]:
    for place, frame in enumerate(frames):
        if place:
            yield None
        yield frame
