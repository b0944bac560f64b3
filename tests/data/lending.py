"""An application that lends work to processes: each is started the way that the request names."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from fastapi import FastAPI
from opentelemetry import metrics

import telemetry

app = FastAPI()
telemetry.instrument(app)
cups = metrics.get_meter("their.own").create_counter("cups_total")


def pour(number: int) -> int:
    """Count cups, in whichever process runs it."""
    cups.add(number)
    return number


@app.get("/pour/{method}")
def lend(method: str) -> int:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return sum(pool.map(pour, [10] * 4))


@app.get("/pour")
def here() -> int:
    return pour(3)
