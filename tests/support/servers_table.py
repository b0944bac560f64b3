"""The servers that people run, each with its command: one table, for the tests and for docs/workers.md."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A server: its command, and how many processes serve."""

    command: str
    processes: int = 2


SERVERS = {
    "uvicorn": Row("uvicorn served:app --port {port}", 1),
    "uvicorn, workers": Row("uvicorn served:app --port {port} --workers 2"),
    "uvicorn, reload": Row("uvicorn served:app --port {port} --reload", 1),
    "uvicorn, factory": Row("uvicorn served:create --factory --port {port} --workers 2"),
    "uvicorn.run() and fastapi run, workers": Row("python served.py {port} 2"),
    "gunicorn": Row("gunicorn served:app -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} -w 2"),
    "gunicorn, preload": Row(
        "gunicorn served:app --preload -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} -w 2"
    ),
    "gunicorn, factory": Row("gunicorn served:create() -k asgi -b 127.0.0.1:{port} -w 2"),
    "Hypercorn": Row("hypercorn served:app -b 127.0.0.1:{port}", 1),
    "Hypercorn, workers": Row("hypercorn served:app -b 127.0.0.1:{port} -w 2"),
    "Hypercorn, factory": Row("hypercorn served:create() -b 127.0.0.1:{port} -w 2"),
    "Granian": Row("granian served:app --interface asgi --port {port} --runtime-threads 2", 1),
    "Granian, workers": Row("granian served:app --interface asgi --port {port} --workers 2"),
    "Granian, factory": Row("granian served:create --factory --interface asgi --port {port} --workers 2"),
}
