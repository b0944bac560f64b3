"""`instrument(app)`: middleware, /metrics and, with traces on, spans, on any FastAPI app in one call."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.asgi import outermost, preinitialise
from telemetry.asgi.middleware import SEEN, MetricsMiddleware
from telemetry.asgi.place import MetricsPlace, gated
from telemetry.asgi.routes import Template, method_label
from telemetry.asgi.table import RouteTable
from telemetry.guard import guard
from telemetry.pipeline import Pipeline, start
from telemetry.push.stopping import push_at_stop
from telemetry.scrape.endpoint import answer, elsewhere
from telemetry.settings import SettingsError
from telemetry.spans import layer as spans
from telemetry.spans import official

_MARK = "_reviewlens_instrumented"
_CONCEAL = "_reviewlens_conceal"


def instrument(
    app: FastAPI,
    pipeline: Pipeline | None = None,
    *,
    conceal: Callable[[str], str] | None = None,
    clock: Callable[[], float] = perf_counter,
) -> None:
    """Observe `app`, outside all its middleware. A second call changes nothing but `conceal`, which takes
    out of paths and URLs what spans may not show. `clock` gives the seconds that requests are timed by.

    Starts the process's pipeline, unless one is given. RuntimeError once the app has started.
    With the SDK disabled nothing is counted; requests are logged, and /metrics says why it is empty.
    """
    setattr(app, _CONCEAL, conceal or getattr(app, _CONCEAL, None))
    if getattr(app, _MARK, False):
        return
    if app.middleware_stack is not None:
        raise RuntimeError(
            "telemetry.instrument(app) came after the application had started, in its lifespan or after a "
            "first request: its middleware is built by then. Call it where the application is made"
        )
    setattr(app, _MARK, True)
    pipeline = pipeline or start()
    pipeline.await_requests()
    if pipeline.tracer_provider is not None and not _has_own(app, "tracer_provider"):
        # FastAPI makes no spans of its own beside the official ones.
        official.add(app, pipeline.tracer_provider, pipeline.settings.http_server_metrics)
    if not pipeline.settings.http_server_metrics:
        _measure_once(app)

    def observed(stack: ASGIApp) -> Observed:
        conceal = getattr(app, _CONCEAL, None)
        table = RouteTable(app.router)
        if pipeline.tracer_provider or conceal:
            stack = spans.lean(app, stack, conceal, table)
        return Observed(stack, app, table, pipeline, clock)

    outermost.keep(app, observed)


def _measure_once(app: FastAPI) -> None:
    """FastAPI measures by itself from 0.160 on, where it finds a global provider. A view would drop what it
    measures, and each request would pay for it; one that was given a provider of its own is left as it is."""
    if not _has_own(app, "meter_provider"):
        config: Any = getattr(app, "_telemetry", {})
        config["metrics"] = False


def _has_own(app: FastAPI, provider: str) -> bool:
    """Whether the application names the provider that FastAPI's own telemetry goes to."""
    return getattr(app, "_telemetry", {}).get(provider) is not None


class Observed:
    """The application's whole stack, with /metrics beside it and the metrics middleware around it."""

    def __init__(
        self, stack: ASGIApp, app: FastAPI, table: RouteTable, pipeline: Pipeline, clock: Callable[[], float]
    ) -> None:
        self.app = MetricsMiddleware(stack, app.router, clock, table)
        self.app.on_routes = self._on_routes
        self._table = table
        self._pipeline = pipeline
        self._place = MetricsPlace(pipeline.settings)
        self._endings = self._place.endings
        self._metrics = gated(app, self._answer)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve /metrics, flush at the end of the lifespan, and pass the rest on."""
        if scope["type"] == "http" and SEEN not in scope:
            if not (scope["path"].endswith(self._endings) and self._is_metrics(scope)):
                return self.app.count(scope, receive, send)
            return self._metrics(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._lifespan(scope, receive, send)
        return self.app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A port that cannot be had ends the start; a server that has no lifespan is served without."""
        try:
            self._listen()
        except SettingsError as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": f"telemetry: {error}"})
            return
        self._look_at_routes()
        await self.app(scope, receive, self._push_around(send))

    def _listen(self) -> None:
        """This process serves: let it count, and have its port."""
        self._pipeline.take_part()
        if self._pipeline.listener:
            self._pipeline.listener.open()

    def _look_at_routes(self) -> None:
        """Put the routes at 0: start-up may have added some."""
        try:
            self.app.look_at_routes()
        except Exception:
            guard.fault("record")

    def _on_routes(self) -> None:
        try:
            self._listen()  # where there was no lifespan
        except SettingsError as error:
            guard.report("render", "%s", error)
        templates = self._table.endpoints.templates
        _zero_routes(templates)
        self._place.look(templates)
        self._endings = self._place.endings

    def _is_metrics(self, scope: Scope) -> bool:
        """Whether a request whose path ends so is for ours: of a route that has come since it is not."""
        self._look_at_routes()
        return self._place.is_asked(scope)

    async def _answer(self, scope: Scope, _: Receive, send: Send) -> None:
        if self._pipeline.listener:
            await elsewhere(self._pipeline.listener.where, scope, send)
        else:
            await answer(self._pipeline.endpoint, scope, send)

    def _push_around(self, send: Send) -> Send:
        """Push when a stop begins, and at its end: servers may end the process as soon as they hear that the
        application has shut down."""

        async def pushing_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and self._pipeline.settings.pushed:
                push_at_stop(self._pipeline.flush)
            if message["type"].startswith("lifespan.shutdown."):
                await to_thread.run_sync(self._pipeline.flush)
                if self._pipeline.listener:
                    await to_thread.run_sync(self._pipeline.listener.close)
            await send(message)

        return pushing_send


def _zero_routes(templates: Iterable[Template]) -> None:
    try:
        preinitialise.routes(_answers(templates))
    except Exception:
        guard.fault("record")


def _answers(templates: Iterable[Template]) -> Iterator[tuple[str, str, str]]:
    """Every (method, template, status code) that the routes declare, and 500 for each."""
    for template in templates:
        route = template.route
        declared = {str(getattr(route, "status_code", None) or _default_code(route)), "500"}
        declared.update(str(code) for code in getattr(route, "responses", None) or {} if str(code).isdigit())
        if _takes_input(getattr(route, "dependant", None)):
            declared.add("422")
        for method in {method_label(method) for method in template.methods - {"HEAD"}}:
            for code in sorted(declared):
                yield method, template.path, code


def _default_code(route: Any) -> int:
    """The status that the route's response class has by itself, as in its OpenAPI entry."""
    kind = getattr(route, "response_class", None)
    if not isinstance(kind, type):  # FastAPI wraps its own default
        return 200
    code = inspect.signature(kind).parameters.get("status_code")
    return code.default if code is not None and isinstance(code.default, int) else 200


def _takes_input(dependant: Any) -> bool:
    """Whether the route, or anything that it depends on, has a parameter that may be wrong."""
    return dependant is not None and (
        any(getattr(dependant, f"{place}_params") for place in ("path", "query", "header", "cookie", "body"))
        or any(_takes_input(inner) for inner in dependant.dependencies)
    )
