"""An application that sets a gauge, in whichever worker a request comes to."""

import os

from fastapi import FastAPI

import telemetry
from telemetry.metrics import active_evidence_gauge

app = FastAPI()
gauge = active_evidence_gauge.labels("chair", "a")
active_evidence_gauge.labels("chair", "first").set(3)


@app.post("/set/{amount}")
def to(amount: float) -> int:
    gauge.set(amount)
    return os.getpid()


@app.post("/inc")
def inc() -> int:
    gauge.inc()
    return os.getpid()


@app.post("/remove")
def remove() -> int:
    gauge.remove()
    active_evidence_gauge.labels("chair", "first").set(4)
    return os.getpid()


telemetry.instrument(app)
