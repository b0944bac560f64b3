"""The service, put together: settings, store, engine, API, telemetry."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

import telemetry
from app import __version__, faults
from app.api import health, pages, problems, products, sessions
from app.api.limits import BodyLimit
from app.api.redirects import RelativeRedirects
from app.api.services import Services
from app.api.starts import Starts
from app.database import PATIENT_SECONDS, REQUEST_SECONDS, Database
from app.dialogue.engine import Engine
from app.dialogue.evidence import live_series
from app.dialogue.model import without_ids
from app.dialogue.stores import open_sessions
from app.llm.chain import build_chain
from app.llm.settings import LLMSettings
from app.orphans import end_with_parent
from app.reviews.bootstrap import load_samples
from app.reviews.repository import Repository
from app.settings import AppSettings
from telemetry.asgi.place import is_answered
from telemetry.catalog import PROVIDERS
from telemetry.metrics import active_evidence_gauge
from telemetry.private import warn_of

# The workers of a command inherit it.
_WARNED = "_REVIEWLENS_WARNED"
SWEEP_SECONDS = 10.0
# After each portion of a sweep, at least; others that wait for the store have it then.
REST_SECONDS = 0.02
# /docs and what it loads come from here; no other host is asked, not for a badge either.
OWN_PAGES: dict[str, Any] = {"redoc_url": None, "swagger_ui_parameters": {"validatorUrl": "none"}}

_log = logging.getLogger("reviewlens")


def create_app(
    settings: AppSettings | None = None,
    llm: LLMSettings | None = None,
    pipeline: telemetry.Pipeline | None = None,
) -> FastAPI:
    """The observed API. Settings come from the environment where none are given."""
    settings = settings or AppSettings.from_env()
    llm = llm or LLMSettings.from_env()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        end_with_parent()
        services = build(settings, llm)
        app.state.services = services
        active_evidence_gauge.follow_some(live_series(services.sessions))
        telemetry.known(provider=[*(client.name for client in services.chain.clients), PROVIDERS[-1]])
        housekeeping = _Housekeeping(services, settings.session_timeout)
        housekeeping.show_categories()
        tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(services.chain.warm())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            active_evidence_gauge.follow(None)
            await services.chain.aclose()
            services.sessions.close()
            services.database.close()

    app = FastAPIOffline(
        title="ReviewLens", version=__version__, lifespan=lifespan, **OWN_PAGES, **_own_telemetry_only()
    )
    for router in (pages.router, health.router, products.router, sessions.router):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(RelativeRedirects)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
    )
    pipeline = pipeline or telemetry.start()
    _keep_own_paths(app, pipeline.settings)
    telemetry.instrument(app, pipeline, conceal=without_ids)
    return app


def _keep_own_paths(app: FastAPI, metrics: telemetry.Settings) -> None:
    """Refuse metrics at a path that the service answers itself: shoppers would get them there."""
    path = metrics.metrics_path
    if not metrics.listens and is_answered(app, path):
        raise telemetry.SettingsError(
            f"TELEMETRY_METRICS_PATH={path!r}: expected a path that the service does not answer itself, "
            "such as /internal/metrics (default '/metrics')"
        )


async def _to_its_end(job: Callable[[], int]) -> int:
    """Run a job in a thread; a cancellation waits for it, for what it has ended is to be counted."""
    running = asyncio.ensure_future(asyncio.to_thread(job))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise


def _own_telemetry_only() -> dict[str, Any]:
    """FastAPI from 0.160 on measures each request by itself; what it would record, our views drop."""
    has_own = "telemetry" in inspect.signature(FastAPI.__init__).parameters
    return {"telemetry": {"tracing": False, "metrics": False, "logs": False}} if has_own else {}


def prepare(settings: AppSettings) -> None:
    """See to the stores before anything serves: tables, the samples, a first write.

    Warnings are logged once, by the first process of a command. Raises StoreError and AppSettingsError.
    """
    database = Database(settings.database)
    try:
        repository = Repository(database)
        sessions = open_sessions(settings, database)
        database.probe()
        database.check()
        sessions.probe(PATIENT_SECONDS)
        warn_of(settings.state_dir)
        for warning in sessions.warnings():
            if _WARNED not in os.environ:
                _log.warning(warning)
        os.environ[_WARNED] = "yes"
        sessions.close()
        if settings.samples:
            load_samples(repository)
    finally:
        database.close()


def build(settings: AppSettings, llm: LLMSettings) -> Services:
    """The service's parts. A store in which nothing was ever imported gets the samples."""
    database = Database(settings.database, REQUEST_SECONDS)
    repository = Repository(database)
    if settings.samples:
        load_samples(repository)
    store = open_sessions(settings, database)
    chain = build_chain(llm)
    starts = Starts(store, settings.sessions_per_minute)
    return Services(database, repository, store, chain, Engine(store, repository, chain), starts)


class _Housekeeping:
    """What a worker does beside its requests: end what timed out, show new categories at 0."""

    def __init__(self, services: Services, timeout: float) -> None:
        self._services = services
        self._pause = min(SWEEP_SECONDS, timeout / 4)
        self._shown: set[str] = set()

    def show_categories(self) -> None:
        """Put the counters of categories that were not there before at 0."""
        categories = {product.category for product in self._services.repository.products()}
        if new := categories - self._shown:
            telemetry.known(category=sorted(new))
            self._shown |= new

    async def run(self) -> None:
        """Go on until cancelled. A failure is logged, and tried again."""
        while True:
            await asyncio.sleep(self._pause)
            try:
                await asyncio.to_thread(self.show_categories)
                await self._sweep()
            except Exception as error:
                self._tell(error)

    async def _sweep(self) -> None:
        """Portion by portion, and after each a rest as long as it took."""
        while True:
            began = time.perf_counter()
            if not await _to_its_end(self._services.engine.sweep):
                return
            await asyncio.sleep(max(REST_SECONDS, time.perf_counter() - began))

    def _tell(self, error: Exception) -> None:
        if faults.of_the_store(error):
            _log.error("housekeeping: %s", faults.explain(self._services.database.path, error))
        else:
            _log.exception("housekeeping failed; it is tried again in %s s", self._pause)
