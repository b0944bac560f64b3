"""Faults in a running process, switched by a test through a unix socket, never through what it serves.

A line of JSON in, a line of JSON out; the connection stays, so that it is there without a file handle more:
    {"do": "on", "target": "telemetry.logs.access", "how": "raise"}
    {"do": "met"}       how often it was met by now
    {"do": "off"}       how often it was met in all
    {"do": "calm"}      two minutes later, for telemetry's own clock: a spell has ended
"""

from __future__ import annotations

import errno
import json
import os
import resource
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

LONGEST_HANG = 60.0
SLOW_SECONDS = 0.02
HOUR = 3600.0
CALM_SECONDS = 120.0


class InjectedError(Exception):
    """What a step raises that nobody has foreseen."""


class Clocks:
    """The process's clocks, which can be set. That of the day is everybody's, as when a machine's is set; the
    others are of telemetry and the SDK alone: a server's own timers are not what is tried here."""

    def __init__(self) -> None:
        self.back = self.later = 0.0
        self.read = 0

    def install(self) -> None:
        """Before anybody has taken one by name."""
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, self._clock(getattr(time, name), 1, name == "time"))
            in_ns = f"{name}_ns"
            setattr(time, in_ns, self._clock(getattr(time, in_ns), 10**9, name == "time"))

    def _clock(self, real: Callable[[], Any], unit: int, is_everybodys: bool) -> Callable[[], Any]:
        def now() -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            is_ours = caller.startswith(("telemetry", "opentelemetry"))
            self.read += is_ours
            off = 0.0 - (self.back if is_ours or is_everybodys else 0)
            if caller.startswith("telemetry") and not is_everybodys:
                off += self.later
            return real() + type(real())(off * unit)

        return now


CLOCKS = Clocks()


class Patch:
    """A function or method in whose place a fault stands."""

    def __init__(self, target: str, how: str) -> None:
        self.hits = 0
        self._over = threading.Event()
        self._owner, self._name = _found(target)
        self._real = vars(self._owner)[self._name]
        call = self._real.__func__ if isinstance(self._real, staticmethod) else self._real
        act = {"raise": self._raise, "oserror": self._oserror, "hang": self._hang, "slow": self._slow}[how]

        def faulty(*args: Any, **kwargs: Any) -> Any:
            self.hits += 1
            act()
            return call(*args, **kwargs)

        made = staticmethod(faulty) if isinstance(self._real, staticmethod) else faulty
        setattr(self._owner, self._name, made)

    @staticmethod
    def _raise() -> None:
        raise InjectedError("injected")

    @staticmethod
    def _oserror() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _hang(self) -> None:
        self._over.wait(LONGEST_HANG)

    @staticmethod
    def _slow() -> None:
        time.sleep(SLOW_SECONDS)

    def end(self) -> None:
        """The real one again."""
        setattr(self._owner, self._name, self._real)
        self._over.set()


class BackAnHour:
    """Every clock shows an hour less, and goes on from there: it does not come back."""

    def __init__(self) -> None:
        CLOCKS.read = 0
        CLOCKS.back += HOUR

    @property
    def hits(self) -> int:
        """How often one of ours was read."""
        return CLOCKS.read

    def end(self) -> None:
        """It stays as it is."""


class LoweredLimit:
    """A limit of the process that is lower than what it uses already."""

    def __init__(self, which: int, soft: int, try_it: Callable[[], object]) -> None:
        self._which, self._before = which, resource.getrlimit(which)
        resource.setrlimit(which, (soft, self._before[1]))
        try:
            try_it()
        except OSError:
            self.hits = 1
        else:
            self.hits = 0

    def end(self) -> None:
        """The limit as it was."""
        resource.setrlimit(self._which, self._before)


def _no_handles() -> LoweredLimit:
    return LoweredLimit(resource.RLIMIT_NOFILE, 3, lambda: os.close(os.open(os.devnull, os.O_RDONLY)))


def _no_room() -> LoweredLimit:
    """No file may be longer than a worker's is at first; what is logged stays below."""
    probe, most = Path(os.environ["FAULTS_DIR"]) / f"{os.getpid()}.probe", 256 * 1024
    return LoweredLimit(resource.RLIMIT_FSIZE, most, lambda: probe.write_bytes(bytes(most + 1)))


PROCESS: dict[str, Callable[[], Any]] = {
    "back an hour": BackAnHour,
    "no handles": _no_handles,
    "no room": _no_room,
}


def _found(target: str) -> tuple[Any, str]:
    """What holds a dotted name, and the name there; AttributeError for a name that is no more."""
    words = target.split(".")
    for length in range(len(words) - 1, 0, -1):
        try:
            owner = import_module(".".join(words[:length]))
        except ModuleNotFoundError:
            continue
        for word in words[length:-1]:
            owner = getattr(owner, word)
        if words[-1] not in vars(owner):
            raise AttributeError(f"{target}: {'.'.join(words[:-1])} has no {words[-1]} of its own")
        return owner, words[-1]
    raise AttributeError(f"{target}: no such module")


class _Switch(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer until the test has gone."""
        self._on: Any = None
        for line in self.rfile:
            asked = json.loads(line)
            try:
                answer = getattr(self, "_do_" + asked.pop("do"))(**asked)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    def _do_on(self, target: str, how: str) -> dict[str, int]:
        self._on = PROCESS[how]() if how in PROCESS else Patch(target, how)
        return {}

    def _do_met(self) -> dict[str, int]:
        return {"hits": self._on.hits}

    def _do_off(self) -> dict[str, int]:
        on, self._on = self._on, None
        if on is None:
            return {"hits": 0}
        on.end()
        return {"hits": on.hits}

    @staticmethod
    def _do_calm() -> dict[str, int]:
        CLOCKS.later += CALM_SECONDS
        return {}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def listen() -> None:
    """Take a test's orders from now on, at a socket that is named for this process."""
    server = _Server(str(Path(os.environ["FAULTS_DIR"]) / f"{os.getpid()}.sock"), _Switch)
    threading.Thread(target=server.serve_forever, daemon=True, name="faults").start()
