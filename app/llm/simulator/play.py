"""Playing a scene over a connection: latency, pace, and all the ways in which an answer may not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import anyio
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest
from app.llm.simulator.script import Scene
from app.llm.simulator.wire import BAD_KEY, Frame, Wire, dump, sse

Sent = Callable[[Frame], None]
Connections = dict[object, asyncio.BaseTransport]

_MESSAGES = {
    "auth": BAD_KEY,
    "rate_limit": "Too many simulated requests.",
    "server": "The simulated service is overloaded.",
    "late_server": "The simulated service broke down.",
}


@dataclass(frozen=True)
class Plan:
    """The frames of an answer.

    `cut`: the connection closes after them; `silent`: it stays open without data. `length`: the announced
    length in bytes; None for a stream.
    """

    frames: tuple[Frame, ...] = ()
    content_type: bytes = b"application/json"
    length: int | None = None
    status: int = 200
    cut: bool = False
    silent: bool = False


def plan(wire: Wire, asked: SimulatedRequest, reply: SimulatedAnswer, scene: Scene) -> Plan:
    """The plan of a scene in a provider's protocol."""
    if scene.outcome == "hang" or (scene.outcome == "stall" and not asked.streamed):
        return Plan(silent=True)
    if scene.outcome == "drop":
        return Plan(cut=True)
    error = wire.error(scene.status, _MESSAGES.get(scene.outcome, "A simulated failure."))
    late = scene.outcome == "late_server" and asked.streamed
    if scene.status >= 400 and not late:
        return whole(dump(error), scene.status)
    if not asked.streamed:
        return _spoiled(whole(dump(wire.whole(reply)), chars=len(reply.text)), scene)
    frames = tuple(wire.events(reply, asked))
    if late:
        failure = sse(error, wire.error_event)._replace(chars=None)
        frames = (*frames[: len(frames) // 2], failure)
    return _spoiled(Plan(frames, b"text/event-stream"), scene)


def whole(text: str, status: int = 200, chars: int | None = None) -> Plan:
    """The plan of a complete JSON answer."""
    data = text.encode()
    return Plan((Frame(data, chars),), length=len(data), status=status)


def _spoiled(good: Plan, scene: Scene) -> Plan:
    first, streamed = good.frames[0].data, good.length is None
    if scene.outcome == "stall":
        return replace(good, frames=good.frames[: len(good.frames) // 2], silent=True)
    if scene.outcome == "invalid_json":
        broken = first[: len(first) // 3].decode(errors="ignore").encode()
        frames = (Frame(broken + b"\n\n"),)
        return replace(good, frames=frames, length=None if streamed else len(broken) + 2)
    if scene.outcome == "half":
        half = good.frames[: len(good.frames) // 2] if streamed else (Frame(first[: len(first) // 2]),)
        return replace(good, frames=half, cut=True)
    return good


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

    async def play(
        self, plan: Plan, scene: Scene, sent: Sent, scope: Scope, receive: Receive, send: Send
    ) -> bool:
        """Play a plan to its end, and report each sent frame. False: the client left before."""
        done = False
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await anyio.sleep(scene.latency)
            if plan.frames:
                await _send(plan, scene, sent, send)
            if plan.silent:
                await anyio.sleep_forever()
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


async def _send(plan: Plan, scene: Scene, sent: Sent, send: Send) -> None:
    headers = [(b"content-type", plan.content_type), (b"x-request-id", b"simulated")]
    if plan.length is not None:
        headers.append((b"content-length", str(plan.length).encode()))
    if plan.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": plan.status, "headers": headers})
    for frame in _paced(plan.frames):
        if frame is None:
            await anyio.sleep(scene.script.pace_seconds)
        else:
            sent(frame)  # before it goes: whoever receives it looks at the clock later
            await send({"type": "http.response.body", "body": frame.data, "more_body": True})
    if not plan.cut and not plan.silent:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _paced(frames: tuple[Frame, ...]) -> Iterable[Frame | None]:
    for place, frame in enumerate(frames):
        if place:
            yield None
        yield frame
