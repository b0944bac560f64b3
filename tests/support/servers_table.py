"""The servers that people run, each with its command: for the tests and for docs/how-to/workers.md."""

from __future__ import annotations

from typing import NamedTuple


class ServerCommand(NamedTuple):
    """A server: its command, and how many processes serve."""

    command: str
    processes: int = 2


SERVERS = {
    "uvicorn": ServerCommand("uvicorn served:app --port {port}", 1),
    "uvicorn, workers": ServerCommand("uvicorn served:app --port {port} --workers 2"),
    "uvicorn, reload": ServerCommand("uvicorn served:app --port {port} --reload", 1),
    "uvicorn, factory": ServerCommand("uvicorn served:create --factory --port {port} --workers 2"),
    "uvicorn.run() and fastapi run, workers": ServerCommand("python served.py {port} 2"),
    "gunicorn": ServerCommand(
        "gunicorn served:app -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} -w 2"
    ),
    "gunicorn, preload": ServerCommand(
        "gunicorn served:app --preload -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} -w 2"
    ),
    "gunicorn, factory": ServerCommand("gunicorn served:create() -k asgi -b 127.0.0.1:{port} -w 2"),
    "Hypercorn": ServerCommand("hypercorn served:app -b 127.0.0.1:{port}", 1),
    "Hypercorn, workers": ServerCommand("hypercorn served:app -b 127.0.0.1:{port} -w 2"),
    "Hypercorn, factory": ServerCommand("hypercorn served:create() -b 127.0.0.1:{port} -w 2"),
    "Granian": ServerCommand("granian served:app --interface asgi --port {port} --runtime-threads 2", 1),
    "Granian, workers": ServerCommand("granian served:app --interface asgi --port {port} --workers 2"),
    "Granian, factory": ServerCommand(
        "granian served:create --factory --interface asgi --port {port} --workers 2"
    ),
}
