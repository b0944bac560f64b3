"""What every store of sessions promises, tried on each: SQLite's file and a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

import pytest
from support.session_stores import TIMEOUT, Stores

from app.dialogue.model import ACTIVE, START, Abandoned, GivenAnswer, Session, digest
from app.dialogue.store import (
    KEEP_ENDED_SECONDS,
    PORTION,
    Overtaken,
    SessionEvidence,
    SessionStore,
    TooManyLive,
)
from app.dialogue.store_sqlite import SqliteSessions
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
    said = (*session.said, GivenAnswer(str(session.question_id), "제일 중요해요 \"'\n{}🙂"))
    return replace(session, stage=ACTIVE, said=said, evidence=evidence, question_id="q-noise")


def finished(session: Session) -> Session:
    return replace(session, status="complete", question_id=None, analysis={"summary": "요약", "list": []})


def begun(store: SessionStore, session_id: str = "s1") -> Session:
    store.begin(fresh(session_id), None)
    return fresh(session_id)


def held(store: SessionStore, most: int = 100) -> dict[str, int]:
    """Session -> pieces of evidence, of those that the gauge would show; what all hold adds up to them."""
    live = store.live_evidence(most)
    if len(live.some) < most:
        totals = {category: (n, pieces) for category, n, pieces in counted(live.some)}
        assert live.totals == totals
    return {each.session_id: each.pieces for each in live.some}


def counted(some: list[SessionEvidence]) -> Iterator[tuple[str, int, int]]:
    for category in {each.category for each in some}:
        pieces = [each.pieces for each in some if each.category == category]
        yield category, len(pieces), sum(pieces)


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
    with pytest.raises(Overtaken, match=f"session {digest('s1')} went on elsewhere, or has ended"):
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
    """None before the first answer, the last number after it, none for what was ended, by time too."""
    here, there = stores(clock), stores(clock)
    first, second, third = (begun(here, name) for name in ("a", "b", "c"))
    assert held(there) == {}
    first, second = here.save(answered(first, 5)), here.save(answered(second, 0))
    third = here.save(answered(third, 1))
    here.save(answered(first, 7))
    assert held(there) == {"a": 7, "b": 0, "c": 1}
    here.save(finished(second))
    here.abandon("c", "browser_close")
    assert held(there) == {"a": 7}
    clock.now += TIMEOUT + 0.25
    assert held(there) == {"a": 7}, "nobody has ended it yet, and it can be gone on with"
    assert len(here.expire()) == 1
    assert held(there) == {}


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
    assert held(store) == {"s1": 2}


def test_very_many_are_added_up_and_some_are_named(store: SessionStore, clock: StepClock) -> None:
    """Those of longest standing, the same at each look; whoever ends makes room, and the sums stay exact."""
    for number in range(9):
        clock.now += 0.001
        store.save(answered(begun(store, f"s{number}"), number))
    clock.now += 0.001
    store.begin(fresh("a desk", "desk"), None)
    store.save(answered(fresh("a desk", "desk"), 30))
    live = store.live_evidence(4)
    assert [each.session_id for each in live.some] == ["s0", "s1", "s2", "s3"]
    assert live.totals == {"chair": (9, 36), "desk": (1, 30)}
    store.abandon("s1", "browser_close")
    session = store.get("s3")
    assert session
    store.save(answered(session, 20))
    assert held(store, 4) == {"s0": 0, "s2": 2, "s3": 20, "s4": 4}
    assert store.live_evidence(4).totals == {"chair": (8, 52), "desk": (1, 30)}


def test_no_more_sessions_are_live_than_may_be(stores: Stores, clock: StepClock) -> None:
    """Over all workers; one that ends makes room, and so does one that has timed out, before its end."""
    here, there = stores(clock, most_live=3), stores(clock, most_live=3)
    for name in ("a", "b", "c"):
        begun(here, name)
    visit = there.open_visit("the chair")
    with pytest.raises(TooManyLive, match="3 dialogues are going on"):
        there.begin(fresh("d"), visit)
    assert there.get("d") is None
    here.abandon("b", "browser_close")
    assert there.begin(fresh("d"), visit), "the visit was not ended in vain"
    with pytest.raises(TooManyLive):
        here.begin(fresh("e"), None)
    clock.now += TIMEOUT + 1
    begun(here, "e")


def test_a_mass_time_out_is_ended_in_portions(stores: Stores, clock: StepClock) -> None:
    """Each of them is told once in all, and between two portions others can go on."""
    here, there = stores(clock), stores(clock)
    names = [f"s{number}" for number in range(PORTION + 20)]
    for name in names:
        begun(here, name)
    visits = [here.open_visit("the chair") for _ in range(PORTION + 1)]
    clock.now += TIMEOUT + 1
    begun(there, "late")
    told = [here.expire()]
    assert 0 < len(told[0]) <= 2 * PORTION
    begun(there, "later")
    while told[-1]:
        clock.now += 10
        told += [there.expire() or here.expire()]
    ended = [each for portion in told for each in portion]
    assert sorted(each.session_id for each in ended) == sorted(names + [""] * len(visits))
    assert held(here) == {}
    for name in ("late", "later"):
        session = here.get(name)
        assert session
        assert session.status == "live"


def test_what_ended_a_day_ago_is_forgotten(stores: Stores, clock: StepClock) -> None:
    """Not before, and nothing that is live."""
    store = stores(clock, timeout=10 * KEEP_ENDED_SECONDS)
    begun(store, "old")
    store.abandon("old", "browser_close")
    begun(store, "live")
    assert store.forget() == 0
    clock.now += 11 * KEEP_ENDED_SECONDS - 1
    assert store.forget() == 0
    assert store.get("old")
    clock.now += 2
    assert store.get("live")
    if isinstance(store, SqliteSessions):  # Redis does so by itself, and by its own clock
        assert store.forget() == 1
        assert store.get("old") is None


def test_a_count_is_one_for_all_workers_and_ends(stores: Stores, clock: StepClock) -> None:
    """Its time runs from its beginning, whatever is added later."""
    here, there = stores(clock), stores(clock)
    assert here.tallied("somebody") == (0, 0)
    assert [at.tally("somebody", 1, 60) for at in (here, there, here)] == [1, 2, 3]
    assert here.tally("else", 2, 60) == 2
    count, seconds = there.tallied("somebody")
    assert count == 3
    assert 0 < seconds <= 60
