"""An application with instruments and logging of its own, and nothing of ours."""

import logging

from fastapi import FastAPI
from opentelemetry import metrics

logging.basicConfig(level="INFO", format="%(message)s")
meter = metrics.get_meter("their.own")
meter.create_counter("jobs_total").add(3, {"queue": "mail"})
meter.create_observable_gauge("queue_length", [lambda _: [metrics.Observation(7)]])
app = FastAPI()


@app.get("/items/{item_id}")
def item(item_id: int) -> int:
    """The item itself."""
    return item_id
