"""PID files: which processes are ours. Ends those left behind by a killed supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from scripts.stack import launch
from scripts.stack.ports import command_of
from scripts.stack.settings import StackSettings
from scripts.stack.supervisor import STOP_SECONDS
from telemetry.workers.process import began


def leftover(settings: StackSettings, service: str, command: Sequence[str]) -> int | None:
    """The process in a PID file, if it began when the file was written, after the same boot, and runs this
    stack's command; any other is not ours.

    The first word is not compared: an interpreter may stand before it, or a launcher may have replaced it.
    """
    with contextlib.suppress(OSError, ValueError):
        pid = int(settings.pid_file(service).read_text())
        if pid > 0 and launch.began(settings, service) == began(pid) != "":
            return pid if command_of(pid).endswith(" " + " ".join(command[1:])) else None
    return None


def sweep(settings: StackSettings, services: Iterable[str], say: Callable[[str], None]) -> None:
    """With no supervisor running: end our own leftovers among the services and remove their PID files."""
    before = launch.launched(settings.run_dir)
    started = before.commands if before else {}
    for service in services:
        if service in started:
            _end(partial(leftover, settings, service, started[service]), service, say)
        settings.pid_file(service).unlink(missing_ok=True)


def _end(running: Callable[[], int | None], service: str, say: Callable[[str], None]) -> None:
    """SIGTERM, wait, then SIGKILL. The number may have a new owner by then, so it is checked each time."""
    if (pid := running()) is None:
        return
    say(f"  {service}: ending process {pid}, left by a supervisor that is gone")
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        if (pid := running()) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if running() is None:
                return
            time.sleep(0.05)
