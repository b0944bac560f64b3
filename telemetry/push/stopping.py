"""A push at the moment of a stop signal: a server may wait longer for its clients than it is given."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def push_at_stop(push: Callable[[], None]) -> None:
    """From now on call `push` in a thread at each of SIGNALS, beside what the server does then.

    Changes nothing outside the main thread, or where the server leaves a signal to the system.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def begin() -> None:
        threading.Thread(target=push, name="telemetry-stop", daemon=True).start()

    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, _both(lambda: loop.call_soon_threadsafe(begin), handler))


def _both(first: Callable[[], Any], handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler may come amid anything, a thread's start included; so the loop is asked to start one."""

    def handle(number: int, frame: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            first()
        handler(number, frame)

    return handle
