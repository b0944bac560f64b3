"""Disturb the programs while traffic runs, in turns."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from app.demo.shop import SESSIONS
from app.demo.simulator import SimulatorClient
from app.settings import DATABASE
from soak.account import Span
from soak.crowd import Crowd
from soak.disk import Disk
from soak.programs import TIMEOUT_SECONDS, Programs
from soak.running import wait_for

AWAY_SECONDS = 2.5
"""How long the collector and Prometheus are down, and the disk is full."""
WARM_SHARE, SLOT_SECONDS = 0.1, (3.5, 8.0)
"""Of the time before the first one; at least and at most between the beginnings of two."""
KILLED, ENDED, COLLECTOR, PROMETHEUS, FULL, HALVES, ODD, TIMED_OUT = (
    "worker killed",
    "worker ended",
    "collector away",
    "Prometheus killed",
    "disk full",
    "half-sent bodies",
    "odd providers",
    "mass time-out",
)
HALF_BODIES = 100
HALF = f"POST {SESSIONS} HTTP/1.1\r\nHost: soak\r\nContent-Type: text/json\r\nContent-Length: 100\r\n\r\n{{"
NOTICED_SECONDS = 1.0
"""The service notices a client's departure within this time."""
SLEEPERS = 10_000
"""Dialogues that time out at once."""
SWEPT_SECONDS = 60.0
STAGE = "dialogue_active"
FAILURES = ("server", "half", "truncated", "invalid_json", "invalid_verdict", "empty", "late_server")
ODD_SCRIPT = {"failures": [{"outcome": outcome, "share": 0.2} for outcome in FAILURES]}


@dataclass
class Site:
    """The disturbed programs, and the log of disturbances. `disk` None: the run has no disk of its own."""

    programs: Programs
    crowd: Crowd
    disk: Disk | None
    away: float = AWAY_SECONDS
    log: list[Span] = field(default_factory=list)

    def windows(self, *kinds: str) -> list[Span]:
        """The spans of these kinds. A span that goes on now has no end."""
        return [span for span in list(self.log) if span.what in kinds]

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Record a span for the block, from its beginning, since other threads look meanwhile."""
        place = len(self.log)
        self.log.append(Span(time.monotonic(), float("inf"), what))
        try:
            yield
        finally:
            self.log[place] = self.log[place]._replace(ended=time.monotonic())


class Disturbance(NamedTuple):
    """A disturbance: its name, its line in the log, and its action, given the number of earlier times."""

    what: str
    tells: str
    does: Callable[[Site, int], None]


def _kill(site: Site, number: int) -> None:
    site.programs.service.end_one(signal.SIGKILL, number)


def _end(site: Site, number: int) -> None:
    site.programs.service.end_one(signal.SIGTERM, number + 1)


def _collector_away(site: Site, _: int) -> None:
    site.programs.collector.stop()
    time.sleep(site.away)
    site.programs.collector.start()


def _prometheus_killed(site: Site, _: int) -> None:
    site.programs.prometheus.kill()
    time.sleep(site.away)
    site.programs.prometheus.start()


def _disk_full(site: Site, _: int) -> None:
    assert site.disk is not None  # noqa: S101 - only then it is in the round
    try:
        # What SQLite has reserved would do for a while: it is given back, and the next write needs more.
        with closing(sqlite3.connect(site.programs.service.state / DATABASE, timeout=10)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        site.disk.fill()
        time.sleep(site.away)
    finally:
        site.disk.free()


def _half_bodies(site: Site, _: int) -> None:
    """Each client leaves before its answer: a 499."""
    place = urlsplit(site.programs.service.url)
    begun: list[float] = []
    with ExitStack() as stack:
        for _ in range(HALF_BODIES):
            client = stack.enter_context(socket.create_connection((place.hostname, place.port), 10))
            client.sendall(HALF.encode())
            begun.append(site.crowd.account.sends())
        time.sleep(site.away)
    time.sleep(NOTICED_SECONDS)
    site.crowd.left_halfway("POST", SESSIONS, begun)


def _odd_providers(site: Site, _: int) -> None:
    with httpx.Client(base_url=site.programs.simulator.url, trust_env=False) as http:
        simulator = SimulatorClient(http)
        with simulator.playing({name: {**ODD_SCRIPT} for name in simulator.providers()}):
            time.sleep(site.away)


def _mass_time_out(site: Site, _: int) -> None:
    """Dialogues that nobody has gone on with, as a long absence of the service leaves them."""
    ago = time.time() - 2 * TIMEOUT_SECONDS
    rows = [(uuid.uuid4().hex, "chair", STAGE, "live", 1, ago, "{}") for _ in range(SLEEPERS)]
    names = "session_id, category, stage, status, version, seen_at, body"
    with closing(sqlite3.connect(site.programs.service.state / DATABASE, timeout=10)) as connection:
        with connection:
            connection.executemany(f"INSERT INTO sessions ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608
        site.crowd.time_out(STAGE, SLEEPERS)
        left = "SELECT count(*) FROM sessions WHERE status = 'live' AND seen_at <= ?"
        wait_for(
            "the last dialogue that timed out to be ended",
            lambda: connection.execute(left, (ago,)).fetchone() == (0,),
            SWEPT_SECONDS,
        )


ROUND = (
    Disturbance(KILLED, "a worker gets SIGKILL, and another takes its place", _kill),
    Disturbance(FULL, "the disk of the state folder has no byte left, and is freed again", _disk_full),
    Disturbance(COLLECTOR, "the collector stops, and starts again with nothing in memory", _collector_away),
    Disturbance(HALVES, f"{HALF_BODIES} clients send half a body, wait, and leave", _half_bodies),
    Disturbance(ODD, "each provider fails in one of seven ways, for most of its answers", _odd_providers),
    Disturbance(ENDED, "a worker gets SIGTERM, and another takes its place", _end),
    Disturbance(TIMED_OUT, f"{SLEEPERS} dialogues time out at once", _mass_time_out),
    Disturbance(PROMETHEUS, "Prometheus gets SIGKILL, and starts again on the same data", _prometheus_killed),
)


def round_for(site: Site) -> tuple[Disturbance, ...]:
    """The disturbances possible on this machine."""
    return tuple(one for one in ROUND if site.disk is not None or one.what != FULL)


def schedule(seconds: float, kinds: int) -> list[float]:
    """Seconds since the start at which disturbances begin: at least one round, then until the time is up."""
    warm = max(2.0, seconds * WARM_SHARE)
    least, most = SLOT_SECONDS
    slot = min(most, max(least, (seconds - warm) / kinds))
    number = max(kinds, int((seconds - warm) / slot))
    return [warm + place * slot for place in range(number)]
