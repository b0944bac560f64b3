"""Health: is the process alive, and can it serve."""

from __future__ import annotations

import asyncio
import sqlite3

from fastapi import APIRouter, Response

from app import faults
from app.api.schemas import Health
from app.api.services import Current, Services
from app.faults import StoreError

LOCK_SECONDS = 0.5
READY_SECONDS = 1.0

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process is alive."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
async def readyz(services: Current, response: Response) -> Health:
    """The store takes writes, and a product exists. Answers within about a second."""
    # Not in the other endpoints' threads: all of them may be waiting for the store.
    looking = asyncio.to_thread(_why_not, services)
    try:
        reason = await asyncio.wait_for(looking, READY_SECONDS)
    except asyncio.TimeoutError:
        reason = f"the store did not answer within {READY_SECONDS:g} s"
    if reason:
        response.status_code = 503
    return Health(status="unavailable" if reason else "ok", reason=reason)


def _why_not(services: Services) -> str:
    try:
        services.sessions.probe(LOCK_SECONDS)
        return "" if services.repository.products() else "no products: run `reviewlens ingest`"
    except (StoreError, sqlite3.Error) as error:
        return f"the store cannot be used: {faults.reason(error)}"
