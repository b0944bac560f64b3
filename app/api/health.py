"""Health: is the process alive, and can it serve."""

from __future__ import annotations

import sqlite3

from fastapi import APIRouter, Response

from app.api.schemas import Health
from app.api.services import Current

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process is alive."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
def readyz(services: Current, response: Response) -> Health:
    """The store answers, and there is something to ask about."""
    try:
        reason = "" if services.repository.products() else "no products: run `reviewlens ingest`"
    except sqlite3.Error as error:
        reason = f"the store does not answer: {error}"
    if reason:
        response.status_code = 503
    return Health(status="unavailable" if reason else "ok", reason=reason)
