"""Errors as answers, each counted by its type."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app import faults
from app.api.schemas import Problem
from app.api.spells import Spell
from app.errors import Conflict, Full, NotFound, TooMany
from app.expected import expected
from telemetry.metrics import errors_total

ANSWERS: dict[type[Exception], tuple[int, str]] = {
    NotFound: (404, "not_found"),
    Conflict: (409, "conflict"),
    TooMany: (429, "rate_limit"),
}
RETRY_SECONDS = 5
Handler = Callable[[Request, Exception], Awaitable[Response]]
Responses = dict[int | str, dict[str, Any]]
UNAVAILABLE: Responses = {503: {"model": Problem}}
LIMITED: Responses = {429: {"model": Problem}}
# Bodies that are no text, too slow, or too long.
BODY: Responses = {400: {"model": Problem}, 408: {"model": Problem}, 413: {"model": Problem}}
UNREADABLE = "body: expected JSON in UTF-8, neither deep nor with endless numbers"
_COUNTED = {400: "validation", 404: "not_found", 408: "validation", 413: "validation"}

_log = logging.getLogger("reviewlens.store")
_api_log = logging.getLogger("reviewlens.api")


def install(app: FastAPI) -> None:
    """Answer the service's own errors, wrong requests, unknown paths and a store that fails; count them."""
    for error, (status, error_type) in ANSWERS.items():
        app.add_exception_handler(error, _handler(status, error_type))
    app.add_exception_handler(Full, _full(_handler(503, "unavailable"), Spell(_api_log)))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for failed in (sqlite3.DatabaseError, faults.StoreError):
        app.add_exception_handler(failed, _unavailable)


def _handler(status: int, error_type: str) -> Handler:
    async def handle(_: Request, error: Exception) -> Response:
        errors_total.labels(error_type=error_type, component="api").inc()
        seconds = getattr(error, "retry_seconds", 0)
        return JSONResponse(
            {"detail": str(error)}, status, {"Retry-After": str(seconds)} if seconds else None
        )

    return handle


def _full(answer: Handler, spell: Spell) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        spell.warning("no more dialogues may begin, as REVIEWLENS_MAX_SESSIONS says: %s", error)
        return await answer(request, error)

    return handle


async def _invalid(_: Request, error: Exception) -> Response:
    """The fault and its place, without the sent value: FastAPI's own answer repeats it, and is a 500 if JSON
    cannot hold it (a lone surrogate, NaN).
    """
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    errors_total.labels(error_type="validation", component="api").inc()
    described = [{"type": one["type"], "loc": one["loc"], "msg": _words(one)} for one in error.errors()]
    return JSONResponse({"detail": described}, 422)


def _words(problem: Mapping[str, Any]) -> str:
    """The field, and the expectation."""
    field = next((part for part in reversed(problem["loc"]) if isinstance(part, str)), "body")
    return f"{field}: {expected(problem)}"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    error_type = _COUNTED.get(error.status_code)
    if error.status_code == 400 and error.__cause__ is not None:  # FastAPI's, which names no reason
        error.detail = UNREADABLE
    if error_type and not isinstance(error.__cause__, ClientDisconnect):  # who left sent nothing wrong
        errors_total.labels(error_type=error_type, component="api").inc()
    return await http_exception_handler(request, error)


async def _unavailable(request: Request, error: Exception) -> Response:
    """The shopper reads whether to try again, the log says what to do; the path stays inside."""
    if not faults.of_the_store(error):
        raise error
    errors_total.labels(error_type="unavailable", component="api").inc()
    _log.error(faults.explain(request.app.state.services.database.path, error))
    prospect = faults.prospect(error)
    detail = f"the store cannot be used now ({faults.reason(error)}); {prospect}"
    headers = None if prospect == faults.LASTS else {"Retry-After": str(RETRY_SECONDS)}
    return JSONResponse({"detail": detail}, 503, headers)
