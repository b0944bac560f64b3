"""Wait until services are healthy, and say why one is not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from scripts.stack.errors import StackError
from scripts.stack.services import Service
from scripts.stack.settings import HOST, StackSettings
from scripts.stack.supervisor import Supervisor

DEADLINE_SECONDS = 60.0
_LINES = 15
_DEAD = {"BACKOFF", "FATAL", "EXITED", "UNKNOWN"}


def is_ready(service: Service) -> bool:
    """Whether a service answers on its readiness path."""
    try:
        return (
            httpx.get(f"http://{HOST}:{service.port}{service.ready}", timeout=2, trust_env=False).status_code
            < 400
        )
    except httpx.HTTPError:
        return False


def has_page(url: str) -> bool:
    """Whether a browser shows more than the note of a Debian package that leaves the page out."""
    try:
        return "Debian package" not in httpx.get(url, timeout=5, follow_redirects=True, trust_env=False).text
    except httpx.HTTPError:
        return True


def wait_ready(
    supervisor: Supervisor,
    settings: StackSettings,
    wanted: Sequence[Service],
    say: Callable[[str], None],
    seconds: float = DEADLINE_SECONDS,
) -> None:
    """Return when all are ready; StackError with the last log lines of a service that ends or is too slow."""

    def said(service: Service) -> str:
        path = settings.log(service.name)
        return f"The end of {path}:\n{tail(path, _LINES, supervisor.log_start(service.name))}"

    started = time.monotonic()
    waiting = list(wanted)
    while waiting:
        states = supervisor.states()
        for service in list(waiting):
            state = states[service.name]["statename"]
            if state in _DEAD:
                raise StackError(f"{service.name} ended ({state.lower()}).\n{said(service)}")
            if is_ready(service):
                waiting.remove(service)
                say(f"  {service.name:<13} ready after {time.monotonic() - started:.1f} s")
        if waiting and time.monotonic() - started > seconds:
            raise StackError(f"{waiting[0].name} is not ready after {seconds:.0f} s.\n{said(waiting[0])}")
        time.sleep(0.1 if waiting else 0)


def tail(path: Path, lines: int, start: int = 0) -> str:
    """The last lines of a file from a byte on, indented; "" without any. A new file is shown in full."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(start if start <= path.stat().st_size else 0)
        last = deque(file, lines)
    return "\n".join(f"  {line.decode(errors='replace').rstrip()}" for line in last)
