"""Steps that are refused or cannot be written: they count nothing, and can be repeated."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.reviews import FakeWriter, OneProduct
from support.session_stores import Stores

from app.dialogue.engine import Engine, Step
from app.dialogue.model import Session
from app.dialogue.store import SessionStore
from app.errors import Conflict
from telemetry.catalog import STAGES
from telemetry.testing import Recorded

CATEGORY = "robot_cleaner"
SEARCHES = ("retrieval_duration_seconds", "scoring_duration_seconds", "evidence_count")


class Store:
    """A store that fails when told to, before anything is written. `fails`: the writes to come that do."""

    def __init__(self, real: SessionStore) -> None:
        self._real = real
        self.fails: list[bool] = []

    def _perhaps_fail(self) -> None:
        if self.fails and self.fails.pop(0):
            raise sqlite3.OperationalError("database or disk is full")

    def begin(self, session: Session, visit_id: str | None) -> bool:
        self._perhaps_fail()
        return self._real.begin(session, visit_id)

    def save(self, session: Session) -> Session:
        self._perhaps_fail()
        return self._real.save(session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Shop:
    """Two workers on one store, with their parts at hand."""

    def __init__(self, stores: Stores) -> None:
        self.store, self.reviews, self.writer = Store(stores(time.time)), OneProduct(), FakeWriter()
        self.engine = Engine(self.store, self.reviews, self.writer)
        self.other = Engine(self.store, self.reviews, self.writer)

    def answer(self, session_id: str, engine: Engine | None = None, text: str = "중요해요") -> Step:
        return asyncio.run((engine or self.engine).answer(session_id, text))

    def up_to_the_last(self) -> str:
        """A session with one answer to go, of two worlds that go the same way: which turn is the last."""
        sample = self.engine.start(CATEGORY, None).session.session_id
        turns = 1
        while self.answer(sample).question:
            turns += 1
        session_id = self.engine.start(CATEGORY, None).session.session_id
        for _ in range(turns - 1):
            self.answer(session_id)
        return session_id


@pytest.fixture
def shop(stores: Stores, metrics: Recorded) -> Iterator[Shop]:
    yield Shop(stores)


def counted(metrics: Recorded) -> dict[str, float]:
    """What the contract counts per step of a dialogue."""
    names = ("dialogue_sessions_total", "dialogue_turns_total", "dialogue_completions_total")
    more = ("product_analysis_total", "user_journey_stage_total", "session_abandoned_total")
    searches = tuple(f"{name}_count" for name in SEARCHES)
    return {name: metrics.total(name) for name in names + more + searches}


def test_a_start_that_cannot_be_written_is_repeated_as_if_nothing_had_been(
    shop: Shop, metrics: Recorded
) -> None:
    """The visit is still live: nobody enters the shop twice."""
    _, visit_id = shop.engine.visit(CATEGORY)
    before = counted(metrics)
    shop.store.fails = [True]
    with pytest.raises(sqlite3.OperationalError):
        shop.engine.start(CATEGORY, visit_id)
    assert counted(metrics) == before
    shop.engine.start(CATEGORY, visit_id)
    entered = {"stage": "product_selection", "action": "enter", "category": CATEGORY}
    assert metrics.value("user_journey_stage_total", **entered) == 1
    assert metrics.value("dialogue_sessions_total", category=CATEGORY) == 1


def test_every_answer_can_fail_once_and_counts_once(shop: Shop, metrics: Recorded) -> None:
    """Each write of a dialogue fails at first; the shopper repeats it; the numbers are a plain dialogue's."""
    _, visit_id = shop.engine.visit(CATEGORY)
    session_id = shop.engine.start(CATEGORY, visit_id).session.session_id
    turns, step = 0, None
    while step is None or step.question:
        shop.store.fails = [True]
        with pytest.raises(sqlite3.OperationalError):
            shop.answer(session_id)
        step, turns = shop.answer(session_id), turns + 1
    for stage in STAGES:
        for action in ("enter", "complete"):
            labels = {"stage": stage, "action": action, "category": CATEGORY}
            assert metrics.value("user_journey_stage_total", **labels) == 1, labels
    assert metrics.value("dialogue_turns_total", category=CATEGORY) == turns
    assert [metrics.count(name, category=CATEGORY) for name in SEARCHES] == [1 + turns] * 3


@pytest.mark.parametrize("by_another_worker", [False, True])
def test_a_verdict_that_could_not_be_kept_comes_with_the_answer_repeated(
    shop: Shop, metrics: Recorded, by_another_worker: bool
) -> None:
    """The answer was taken, so its repetition is no new one; whichever worker gets it."""
    session_id = shop.up_to_the_last()
    shop.store.fails = [False, True]  # the answer is kept, the verdict is not
    with pytest.raises(sqlite3.OperationalError):
        shop.answer(session_id)
    between = counted(metrics)
    step = shop.answer(session_id, shop.other if by_another_worker else shop.engine)
    assert (step.session.status, bool(step.session.analysis)) == ("complete", True)
    assert counted(metrics) == between | {
        "dialogue_completions_total": between["dialogue_completions_total"] + 1,
        "user_journey_stage_total": between["user_journey_stage_total"] + 1,
    }


def test_no_llm_is_asked_for_a_verdict_while_the_store_fails(shop: Shop) -> None:
    """Each repetition would be paid for, and lost."""
    session_id = shop.up_to_the_last()
    shop.store.fails = [False, True, True, True]
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError):
            shop.answer(session_id)
    assert len(shop.writer.asked) == 2  # the sample dialogue's, and the one that was lost
    assert shop.answer(session_id).session.analysis


def test_another_answer_is_refused_while_a_verdict_is_owed(shop: Shop) -> None:
    """It would be dropped in silence."""
    session_id = shop.up_to_the_last()
    shop.store.fails = [False, True]
    with pytest.raises(sqlite3.OperationalError):
        shop.answer(session_id)
    with pytest.raises(Conflict, match="repeat the last answer"):
        shop.answer(session_id, text="상관없어요")
