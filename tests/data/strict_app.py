import hypothesis  # noqa: F401 - imports pytest: what a library brings along switches nothing on
import pytest  # noqa: F401
from fastapi import FastAPI

import telemetry
from telemetry.metrics import dialogue_turns_total

app = FastAPI()
telemetry.instrument(app)


@app.get("/wrong-label")
def wrong_label() -> str:
    dialogue_turns_total.labels(colour="red").inc()
    return "answered"


@app.get("/ready")
def ready() -> str:
    return "ready"
