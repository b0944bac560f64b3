"""Turns, departures and time-outs from several threads at two machines, in any order: all is counted once.

Each machine is an engine with a store and an event loop of its own. Drawn are rounds of events, which come at
once within a round.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.redis_server import RedisServer
from support.reviews import FakeWriter, OneProduct
from support.session_stores import TIMEOUT, Stores, redis_stores, sqlite_stores

from app.dialogue.engine import Engine, Step
from app.errors import Conflict
from telemetry.testing import Recorded, StepClock, recording

CATEGORY = "robot_cleaner"
SESSIONS = 2
TEXTS = ("중요해요", "상관없어요")


class Event(NamedTuple):
    """One request, or a sweep, at one of two machines."""

    kind: str
    machine: int
    session: int
    text: str
    says_which: bool
    """Whether a turn says which question it answers."""


EVENTS = st.builds(
    Event,
    st.sampled_from(["turn"] * 6 + ["leave", "sweep", "visit", "look"]),
    st.integers(0, 1),
    st.integers(0, SESSIONS - 1),
    st.sampled_from(TEXTS),
    st.booleans(),
)
ROUNDS = st.lists(
    st.tuples(st.lists(EVENTS, min_size=1, max_size=6), st.sampled_from([0.0, TIMEOUT / 2, TIMEOUT])),
    min_size=1,
    max_size=8,
)


class Machine:
    """An engine, and the thread that its event loop runs in."""

    def __init__(self, stores: Stores, clock: StepClock) -> None:
        self.store = stores(clock)
        self.engine = Engine(self.store, OneProduct(), FakeWriter())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def turn(self, session_id: str, text: str, question_id: str | None) -> Step:
        answered: Future[Step] = asyncio.run_coroutine_threadsafe(
            self.engine.answer(session_id, text, question_id), self._loop
        )
        return answered.result(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class World:
    """Two machines on the same sessions, and what they answered."""

    def __init__(self, stores: Stores, threads: ThreadPoolExecutor) -> None:
        self.clock = StepClock(step=0.0, start=1_000.0)
        self.machines = [Machine(stores, self.clock) for _ in range(2)]
        self._threads = threads
        self.ids = [self.machines[0].engine.start(CATEGORY, None).session.session_id for _ in range(SESSIONS)]
        self.visits = 0
        self.refused: list[str] = []

    def round(self, events: list[Event], passes: float) -> None:
        """All events at once, then time."""
        open_now = [self.machines[0].engine.look(each).question for each in self.ids]
        jobs = [self._job(event, open_now[event.session]) for event in events]
        for done in [self._threads.submit(job) for job in jobs]:
            try:
                done.result(60)
            except Conflict as error:
                self.refused.append(str(error))
        self.visits += sum(event.kind == "visit" for event in events)
        self.clock.now += passes

    def _job(self, event: Event, question: Any) -> Callable[[], object]:
        machine, session_id = self.machines[event.machine], self.ids[event.session]
        which = question.question_id if event.says_which and question else None
        jobs: dict[str, Callable[[], object]] = {
            "turn": lambda: machine.turn(session_id, event.text, which),
            "leave": lambda: machine.engine.leave(session_id, "browser_close"),
            "sweep": machine.engine.sweep,
            "visit": lambda: machine.engine.visit(CATEGORY),
            "look": lambda: machine.engine.look(session_id),
        }
        return jobs[event.kind]

    def sweep(self) -> None:
        for machine in self.machines:
            machine.engine.sweep()

    def stop(self) -> None:
        for machine in self.machines:
            machine.stop()


@contextmanager
def world(stores: Stores) -> Iterator[World]:
    with ThreadPoolExecutor(6) as threads:
        made = World(stores, threads)
        try:
            yield made
        finally:
            made.stop()


def check(made: World, metrics: Recorded) -> None:
    """What was counted is what the sessions say, once nothing is left that has timed out."""
    made.sweep()
    here, there = (machine.store for machine in made.machines)
    sessions = [session for each in made.ids if (session := here.get(each))]
    assert sessions == [there.get(each) for each in made.ids]
    states = Counter(session.status for session in sessions)
    for session in sessions:
        asked = [said.question_id for said in session.said]
        assert len(asked) == len(set(asked)), "a question was answered twice"
        assert (session.analysis is not None) == (session.status == "complete")
    turns = sum(session.turn for session in sessions)
    assert metrics.total("dialogue_turns_total") == turns
    assert metrics.count("evidence_count", category=CATEGORY) == SESSIONS + turns
    assert metrics.total("dialogue_completions_total") == states["complete"]
    live = {(s.category, s.session_id, s.evidence) for s in sessions if s.status == "live" and s.turn}
    assert set(here.live_evidence(100).some) == set(there.live_evidence(100).some) == live
    total = here.live_evidence(0).totals.get(CATEGORY, (0, 0))
    assert total == (len(live), sum(pieces or 0 for *_, pieces in live))
    made.clock.now += TIMEOUT + 1
    made.sweep()
    assert here.live_evidence(100) == there.live_evidence(100) == ([], {})
    series = metrics.series("session_abandoned_total")
    left = sum(count for labels, count in series.items() if ("stage", "product_selection") in labels)
    assert left == made.visits
    assert sum(series.values()) - left == states["abandoned"] + states["live"]


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS)
@pytest.mark.server
def test_everything_is_counted_once(
    kind: str, request: pytest.FixtureRequest, rounds: list[tuple[list[Event], float]]
) -> None:
    """Answers, verdicts, departures and time-outs add up to the sessions, whatever came first."""
    server: RedisServer = request.getfixturevalue("redis")
    with tempfile.TemporaryDirectory() as folder, recording() as metrics:
        opened = sqlite_stores(Path(folder)) if kind == "sqlite" else redis_stores(server)
        with opened as stores, world(stores) as made:
            for events, passes in rounds:
                made.round(events, passes)
            check(made, metrics)
