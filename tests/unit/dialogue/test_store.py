"""What every store of sessions promises, tried on each: SQLite's file and a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

import pytest
from support.session_stores import TIMEOUT, Stores

from app.dialogue.model import ACTIVE, START, Abandoned, Said, Session
from app.dialogue.store import Overtaken, SessionStore
from telemetry.testing import StepClock

CROWD = 8
T = TypeVar("T")


@pytest.fixture
def clock() -> StepClock:
    """A clock that stands still until it is set."""
    return StepClock(step=0.0, start=1_000_000.5)


@pytest.fixture
def store(stores: Stores, clock: StepClock) -> SessionStore:
    return stores(clock)


def fresh(session_id: str = "s1", category: str = "chair") -> Session:
    return Session(session_id, f"the {category}", category, "q-general", top=("noise", "price"))


def answered(session: Session, evidence: int = 2) -> Session:
    said = (*session.said, Said(str(session.question_id), "제일 중요해요 \"'\n{}🙂"))
    return replace(session, stage=ACTIVE, said=said, evidence=evidence, question_id="q-noise")


def finished(session: Session) -> Session:
    return replace(session, status="complete", question_id=None, analysis={"summary": "요약", "list": []})


def begun(store: SessionStore, session_id: str = "s1") -> Session:
    store.begin(fresh(session_id), None)
    return fresh(session_id)


def at_once(*jobs: Callable[[], T]) -> list[T | Exception]:
    """What jobs that start in the same moment return or raise."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T | Exception:
        barrier.wait(20)
        try:
            return job()
        except Overtaken as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def test_a_session_comes_back_as_it_was_kept(stores: Stores, clock: StepClock) -> None:
    """At another worker too, in each of its states, whatever the shopper wrote."""
    here, there = stores(clock), stores(clock)
    session = begun(here)
    assert there.get("s1") == session
    session = here.save(answered(session))
    assert there.get("s1") == session
    session = there.save(finished(session))
    assert here.get("s1") == session
    assert session.version == 2
    assert here.get("nobody") is None


def test_a_session_ends_the_visit_it_came_from_once(stores: Stores, clock: StepClock) -> None:
    """Of that product, and of one that has not timed out; at whichever worker."""
    here, there = stores(clock), stores(clock)
    visit, other, old = (here.open_visit("the chair") for _ in range(3))
    wrong_product = here.open_visit("the desk")
    assert there.begin(fresh("s1"), visit)
    assert not there.begin(fresh("s2"), visit)
    assert not there.begin(fresh("s3"), wrong_product)
    assert not there.begin(fresh("s4"), None)
    clock.now += TIMEOUT
    assert here.begin(fresh("s5"), other)
    clock.now += 1
    assert not here.begin(fresh("s6"), old)


def test_a_state_made_from_an_older_one_is_not_kept(store: SessionStore) -> None:
    """Nor one of a session that has ended, or that never was."""
    session = begun(store)
    second = store.save(answered(session))
    with pytest.raises(Overtaken, match="session s1 went on elsewhere, or has ended"):
        store.save(answered(session, evidence=9))
    assert store.get("s1") == second
    store.save(finished(second))
    for stale in (second, replace(second, version=2), fresh("nobody")):
        with pytest.raises(Overtaken):
            store.save(stale)
    assert store.get("nobody") is None


def test_a_session_is_left_once(stores: Stores, clock: StepClock) -> None:
    """At the stage that it was in; it can be read, and not gone on with."""
    here, there = stores(clock), stores(clock)
    session = here.save(answered(begun(here)))
    assert there.abandon("s1", "browser_close") == Abandoned(ACTIVE, "browser_close", "s1")
    assert here.abandon("s1", "browser_close") is None
    assert here.abandon("nobody", "browser_close") is None
    left = here.get("s1")
    assert left == replace(session, status="abandoned")
    with pytest.raises(Overtaken):
        here.save(answered(left))


def test_what_is_complete_is_neither_left_nor_timed_out(store: SessionStore, clock: StepClock) -> None:
    """It is told to nobody."""
    store.save(finished(begun(store)))
    assert store.abandon("s1", "browser_close") is None
    clock.now += TIMEOUT + 1
    assert store.expire() == []


def test_the_time_out_runs_from_the_last_answer_and_ends_once(stores: Stores, clock: StepClock) -> None:
    """Not at the time-out, but after it; sessions and visits, each told to one worker."""
    here, there = stores(clock), stores(clock)
    begun(here, "quiet")
    here.open_visit("the chair")
    clock.now += TIMEOUT / 2
    here.save(answered(begun(here, "busy")))
    clock.now += TIMEOUT / 2
    assert there.expire() == []
    clock.now += 0.25
    assert there.expire() == [Abandoned(START, "timeout", "quiet"), Abandoned("product_selection", "timeout")]
    assert here.expire() == there.expire() == []
    clock.now += TIMEOUT / 2
    assert here.expire() == [Abandoned(ACTIVE, "timeout", "busy")]
    for name in ("quiet", "busy"):
        ended = here.get(name)
        assert ended is not None
        assert ended.status == "abandoned"


def test_the_gauge_has_the_live_sessions_that_have_evidence(stores: Stores, clock: StepClock) -> None:
    """None before the first answer, the last number after it, none for what has ended or timed out."""
    here, there = stores(clock), stores(clock)
    first, second, third = (begun(here, name) for name in ("a", "b", "c"))
    assert list(there.live_evidence()) == []
    first, second = here.save(answered(first, 5)), here.save(answered(second, 0))
    third = here.save(answered(third, 1))
    here.save(answered(first, 7))
    assert dict(there.live_evidence()) == {("chair", "a"): 7, ("chair", "b"): 0, ("chair", "c"): 1}
    here.save(finished(second))
    here.abandon("c", "browser_close")
    assert dict(there.live_evidence()) == {("chair", "a"): 7}
    clock.now += TIMEOUT
    assert dict(there.live_evidence()) == {("chair", "a"): 7}
    clock.now += 0.25
    assert dict(there.live_evidence()) == {}


def test_of_many_states_made_from_one_a_single_one_is_kept(stores: Stores, clock: StepClock) -> None:
    """From as many threads at two workers."""
    here, there = stores(clock), stores(clock)
    session = begun(here)
    offers = [answered(session, number) for number in range(CROWD)]
    jobs = [
        lambda one=one, at=at: at.save(one) for one, at in zip(offers, [here, there] * CROWD, strict=False)
    ]
    outcomes = at_once(*jobs)
    (kept,) = [outcome for outcome in outcomes if isinstance(outcome, Session)]
    assert here.get("s1") == kept
    assert sum(isinstance(outcome, Overtaken) for outcome in outcomes) == CROWD - 1


def test_many_who_end_the_same_sessions_share_them_out(stores: Stores, clock: StepClock) -> None:
    """By leaving and by time-out at once: each session and visit is told exactly once in all."""
    here, there = stores(clock), stores(clock)
    names = [f"s{number}" for number in range(20)]
    for name in names:
        begun(here, name)
    for _ in range(10):
        here.open_visit("the chair")
    clock.now += TIMEOUT + 1

    def leave_all(at: SessionStore) -> list[Abandoned]:
        return [ended for name in names if (ended := at.abandon(name, "browser_close"))]

    jobs = [at.expire for at in (here, there) * 2] + [lambda at=at: leave_all(at) for at in (here, there) * 2]
    told = [ended for outcome in at_once(*jobs) for ended in outcome]  # type: ignore[union-attr]
    assert sorted(each.session_id for each in told) == sorted(names + [""] * 10)


def test_a_probe_changes_nothing(store: SessionStore) -> None:
    """Not even what is live."""
    session = store.save(answered(begun(store)))
    store.probe(1)
    assert store.get("s1") == session
    assert len(list(store.live_evidence())) == 1
