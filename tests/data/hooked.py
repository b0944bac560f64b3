"""An application that sets up the official instrumentation itself: on one application, and on all later."""

from typing import Any

import fastapi
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor


def hook(span: Any, scope: Any) -> None:
    """Called with each server span."""
    span.set_attribute("hooked.by", "its user")


def item(item_id: int) -> int:
    return item_id


app = FastAPI()
app.get("/items/{item_id}")(item)
FastAPIInstrumentor.instrument_app(app, server_request_hook=hook, excluded_urls="docs")

FastAPIInstrumentor().instrument(server_request_hook=hook, excluded_urls="docs")
later = fastapi.FastAPI()
later.get("/items/{item_id}")(item)
