"""A small application for the faults: answers of every kind, and records of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any, TextIO

import faulty

faulty.CLOCKS.install()

from fastapi import FastAPI, HTTPException  # noqa: E402
from fastapi.responses import JSONResponse, StreamingResponse  # noqa: E402

import telemetry  # noqa: E402
from telemetry.metrics import (  # noqa: E402
    active_evidence_gauge,
    dialogue_turns_total,
    evidence_count,
    llm_calls_total,
    llm_duration_seconds,
    product_analysis_total,
    retrieval_duration_seconds,
    reviews_processed_total,
)
from telemetry.timing import Timer  # noqa: E402


class Shown(logging.StreamHandler[TextIO]):
    """Where all is logged but what uvicorn logs itself."""

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)


logging.basicConfig(
    level="INFO", format="@%(process)d|%(name)s|%(levelname)s|%(message)s", handlers=[Shown(sys.stderr)]
)
app = FastAPI()


@app.get("/items/{item}")
async def items(item: int) -> dict[str, int]:
    return {"item": item}


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/missing/{item}")
async def missing(item: int) -> None:
    raise HTTPException(404, f"no {item}")


@app.get("/broken/{item}")
async def broken(item: int) -> JSONResponse:
    return JSONResponse({"broken": item}, 500)


@app.get("/crash/{item}")
async def crash(item: int) -> None:
    raise RuntimeError(f"the application's own: {item}")


@app.get("/stream/{item}")
async def stream(item: int) -> StreamingResponse:
    async def words() -> AsyncIterator[str]:
        for number in range(3):
            await asyncio.sleep(0.005)
            yield f"{item}.{number} "

    return StreamingResponse(words())


@app.get("/slow/{item}")
async def slow(item: int) -> int:
    await asyncio.sleep(0.05)
    return item


@app.get("/threads/{item}")
def threads(item: int) -> int:
    return item


@app.post("/record/{item}")
async def record(item: int) -> int:
    llm_calls_total.labels(provider="gemini", status="success").inc()
    reviews_processed_total.labels(category="chair").inc(3)
    llm_duration_seconds.labels(provider="gemini").observe(0.7)
    with Timer(retrieval_duration_seconds, {"category": "chair"}):
        return item


@app.post("/new/{item}")
async def new(item: int, number: int) -> int:
    """Label sets that were never there."""
    dialogue_turns_total.labels(category=f"new{number}").inc()
    evidence_count.labels(category=f"new{number}").observe(2)
    return item


@app.post("/grow")
async def grow() -> int:
    """A route more."""
    app.get(f"/grown/{len(app.routes)}")(live)
    return 0


@app.post("/long/{item}")
async def long(item: int, name: str) -> int:
    """Label sets that fill what a file has."""
    product_analysis_total.labels(category=f"{name}." + "x" * 30_000).inc()
    return item


def live() -> Iterable[tuple[tuple[str, ...], float]]:
    return [(("chair", "session"), 4.0)]


def gauge() -> Iterable[Any]:
    """Looked up at each call, so that a fault may stand there."""
    return live()


telemetry.instrument(app)
active_evidence_gauge.follow(gauge)
faulty.listen()
