"""An application whose clients leave before it answers."""

import asyncio

from fastapi import FastAPI, Request

import telemetry

app = FastAPI()
waiting = 0
go = asyncio.Event()


@app.get("/plain")
async def plain() -> int:
    """Reads nothing, as most end points, and answers late."""
    global waiting  # noqa: PLW0603 - one process, one test
    waiting += 1
    await go.wait()
    return 1


@app.post("/listening")
async def listening(request: Request) -> int:
    """Answers once it has heard that its client is gone."""
    global waiting  # noqa: PLW0603 - one process, one test
    waiting += 1
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return 1


@app.get("/waiting")
async def is_waiting() -> int:
    return waiting


@app.get("/go")
async def gone() -> None:
    """By now the sockets are closed: the server has a moment to see it."""
    await asyncio.sleep(0.3)
    go.set()


telemetry.instrument(app)
