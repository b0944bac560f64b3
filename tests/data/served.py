"""An application as people write it: made at import or by a factory, observed by a line of code where IN_CODE
says so, and able to start its own workers as `fastapi run` does."""

import os
import sys

from fastapi import FastAPI
from opentelemetry import metrics

cups = metrics.get_meter("their.own").create_counter("cups_total")


def create() -> FastAPI:
    made = FastAPI()

    @made.get("/tea/{kind}")
    def tea(kind: str) -> str:
        cups.add(1)
        return kind

    if os.environ.get("IN_CODE"):
        import telemetry

        telemetry.instrument(made)
    return made


app = create()

if __name__ == "__main__":
    import uvicorn

    uvicorn.run("served:app", port=int(sys.argv[1]), workers=int(sys.argv[2]))
