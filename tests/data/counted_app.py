"""An application with one route, counted."""

from fastapi import FastAPI

import telemetry

app = FastAPI()


@app.get("/items/{item_id}")
def item(item_id: int) -> int:
    return item_id


telemetry.instrument(app)
