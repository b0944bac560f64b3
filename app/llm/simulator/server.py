"""The simulator's server: three providers' endpoints, a control API for their scripts, and the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import uvicorn
from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest, say
from app.llm.simulator.ledger import AnswerAccount, RequestLedger
from app.llm.simulator.play import Plan, Player, plan, whole
from app.llm.simulator.script import Director, Scene, Script
from app.llm.simulator.wire import BadRequestError, Frame, Wire, dump
from app.llm.simulator.wire_claude import ClaudeWire
from app.llm.simulator.wire_gemini import GeminiWire
from app.llm.simulator.wire_openai import OpenAIWire

Provider = Literal["gemini", "openai", "claude"]


@dataclass(frozen=True)
class Simulator:
    """The parts that all endpoints share."""

    director: Director
    ledger: RequestLedger
    player: Player


class Endpoint:
    """An ASGI endpoint that answers as one provider."""

    def __init__(self, wire: Wire, simulator: Simulator) -> None:
        self._wire = wire
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            asked = self._wire.asked(await _json(request), request.path_params)
        except BadRequestError as error:
            refused = whole(dump(self._wire.error(400, str(error))), 400)
            scene = Scene("invalid_request", 400, 0.0, Script())
            await self._play(SimulatedRequest("", "", False), scene, refused, None, (scope, receive, send))
            return
        scene = self._simulator.director.scene(self._wire.provider)
        if self._wire.key(request.headers) is None:
            scene = replace(scene, outcome="auth", status=401)
        reply = say(asked, scene)
        planned = plan(self._wire, asked, reply, scene)
        await self._play(asked, scene, planned, reply, (scope, receive, send))

    async def _play(
        self,
        asked: SimulatedRequest,
        scene: Scene,
        planned: Plan,
        reply: SimulatedAnswer | None,
        asgi: tuple[Scope, Receive, Send],
    ) -> None:
        status = planned.status if planned.frames else 0
        account = self._simulator.ledger.opened(
            self._wire.provider, asked.model, scene.outcome, status, asked.streamed
        )
        done = False
        try:
            done = await self._simulator.player.play(planned, scene, _counter(account, reply), *asgi)
        finally:
            account.close(aborted=not done)


def _counter(account: AnswerAccount, reply: SimulatedAnswer | None) -> Callable[[Frame], None]:
    """Writes each frame that goes into the account: tokens of the parts of an answer, nothing of errors."""
    chars: int | None = None

    def sent(frame: Frame) -> None:
        nonlocal chars
        if frame.chars is not None:
            chars = (chars or 0) + frame.chars
        if reply is None or chars is None:
            account.sent(0, 0)
        else:
            account.sent(reply.prompt_tokens, reply.tokens_of(chars))

    return sent


async def _json(request: Request) -> dict[str, object]:
    try:
        value = json.loads(await request.body())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadRequestError("body: expected a JSON object")
    return value


def create_app(simulator: Simulator) -> FastAPI:
    """The application: providers' endpoints beside /control, /ledger and /healthz."""
    app = FastAPI(title="ReviewLens LLM simulator", openapi_url="/openapi.json")
    for path, wire in (
        ("/{version}/models/{model}:{method}", GeminiWire()),
        ("/v1/chat/completions", OpenAIWire()),
        ("/v1/messages", ClaudeWire()),
    ):
        app.router.routes.append(Route(path, Endpoint(wire, simulator), methods=["POST"]))
    _add_control(app, simulator.director)
    _add_ledger(app, simulator.ledger)
    return app


def _add_control(app: FastAPI, director: Director) -> None:
    @app.get("/control")
    async def scripts() -> dict[str, Script]:
        return director.scripts

    @app.put("/control/{provider}", status_code=204)
    async def play(provider: Provider, script: Script) -> Response:
        director.set(provider, script)
        return Response(status_code=204)

    @app.put("/control", status_code=204)
    async def play_everywhere(script: Script) -> Response:
        for provider in director.scripts:
            director.set(provider, script)
        return Response(status_code=204)


def _add_ledger(app: FastAPI, ledger: RequestLedger) -> None:
    @app.get("/ledger")
    async def report() -> dict[str, object]:
        return ledger.report()

    @app.delete("/ledger", status_code=204)
    async def clear() -> Response:
        ledger.clear()
        return Response(status_code=204)

    @app.get("/healthz")
    async def healthy() -> dict[str, str]:
        return {"status": "ok"}


def create_server(
    host: str = "127.0.0.1", port: int = 8090, script: Script | None = None, log_level: str = "warning"
) -> uvicorn.Server:
    """A server that every provider begins with the given script."""
    simulator = Simulator(Director(script), RequestLedger(), Player())
    config = uvicorn.Config(
        create_app(simulator),
        host=host,
        port=port,
        http=simulator.player.protocol(),
        log_level=log_level,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
