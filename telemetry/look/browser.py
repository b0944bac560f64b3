"""A Chromium without a window, driven over a pipe by its DevTools protocol."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
"""Until an answer, or a page that is not ready, is given up."""
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
)
_READ, _WRITE = 3, 4  # as the protocol has them


class BrowserError(Exception):
    """It does not start, or does not do as asked."""


def found() -> str | None:
    """The path of the browser; None where there is none, and where it cannot be driven."""
    if not hasattr(os, "posix_spawn"):
        return None
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser that runs. Every method raises BrowserError."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._pending = 0, b""
        self._session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._commands, json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserError(f"the browser has ended ({error.strerror})") from None
        return self._answer(self._number)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of the promise that it gives."""
        told = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until an expression is true."""
        deadline = time.monotonic() + SECONDS
        while self.evaluate(expression) is not True:
            if time.monotonic() > deadline:
                raise BrowserError(f"the page is not ready after {SECONDS} s")
            time.sleep(0.1)

    def _answer(self, number: int) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while True:
            message, rest, self._pending = self._pending.partition(b"\0")
            if not rest:
                self._pending = message + self._read(deadline)
                continue
            told = json.loads(message)
            if told.get("id") != number:
                continue  # an event
            if "error" in told:
                raise BrowserError(told["error"]["message"])
            result: dict[str, Any] = told["result"]
            return result

    def _read(self, deadline: float) -> bytes:
        ready, _, _ = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(self._answers, 2**20) if ready else b""
        if not piece:
            raise BrowserError("the browser has ended" if ready else f"no answer within {SECONDS} s")
        return piece


@contextmanager
def running(program: str) -> Iterator[Browser]:
    """A browser with a profile of its own, which goes with it."""
    with tempfile.TemporaryDirectory(prefix="telemetry-look-", ignore_cleanup_errors=True) as profile:
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # it refuses to run as root otherwise; the page is our own
        theirs_in, commands = map(_high, os.pipe())
        answers, theirs_out = map(_high, os.pipe())
        silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        channels = [(os.POSIX_SPAWN_DUP2, theirs_in, _READ), (os.POSIX_SPAWN_DUP2, theirs_out, _WRITE)]
        process = os.posix_spawn(
            program, [program, *flags], os.environ, file_actions=[*silent, *channels], setpgroup=0
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Browser(commands, answers)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(commands)
            os.close(answers)


def _high(descriptor: int) -> int:
    """Another number for it, out of the way of those that the browser gets."""
    import fcntl  # of POSIX alone; the rest of `telemetry look` does without

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
