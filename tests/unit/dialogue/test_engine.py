"""The dialogue, and what each of its events counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.reviews import FakeWriter, OneProduct, corpus, question
from support.session_stores import Stores

from app.dialogue.analysis import find
from app.dialogue.engine import Engine, Step
from app.dialogue.evidence import live_series
from app.dialogue.model import digest
from app.errors import Conflict, NotFound
from app.reviews.models import ShopperAnswer
from telemetry.catalog import STAGES
from telemetry.testing import Recorded, StepClock

CATEGORY = "robot_cleaner"


class World:
    """An engine with its parts at hand."""

    def __init__(self, stores: Stores) -> None:
        self.clock = StepClock(step=0.0)
        self.writer = FakeWriter()
        self.store = stores(self.clock)
        self.engine = Engine(self.store, OneProduct(CATEGORY), self.writer)

    def answer(self, session_id: str, text: str = "중요해요", question_id: str | None = None) -> Step:
        return asyncio.run(self.engine.answer(session_id, text, question_id))

    def to_the_end(self, session_id: str) -> list[Step]:
        steps = [self.answer(session_id)]
        while steps[-1].question:
            steps.append(self.answer(session_id))
        return steps


@pytest.fixture
def world(stores: Stores, metrics: Recorded) -> Iterator[World]:
    yield World(stores)


def journey(metrics: Recorded) -> dict[tuple[str, str], float]:
    """(stage, action) -> steps counted, zeros left out."""
    series = metrics.series("user_journey_stage_total")
    return {(dict(key)["stage"], dict(key)["action"]): value for key, value in series.items() if value}


def test_a_dialogue_ends_between_the_third_and_the_fifth_turn(world: World) -> None:
    """The last answer, and only it, brings the verdict with its evidence."""
    started = world.engine.start(CATEGORY, None)
    steps = world.to_the_end(started.session.session_id)
    assert 3 <= len(steps) <= 5
    assert [step.session.analysis is None for step in steps] == [True] * (len(steps) - 1) + [False]
    analysis = steps[-1].session.analysis
    assert analysis is not None
    assert analysis["provider"] == "gemini"
    assert {piece["review_id"] for piece in analysis["evidence"]} <= {"r1", "r2"}
    assert len(world.writer.asked) == 1


def test_no_question_is_put_twice(world: World) -> None:
    """Each turn asks something new."""
    started = world.engine.start(CATEGORY, None)
    asked = [started.question, *(step.question for step in world.to_the_end(started.session.session_id))]
    ids = [question.question_id for question in asked if question]
    assert len(ids) == len(set(ids))


def test_a_whole_journey_counts_each_stage_once(world: World, metrics: Recorded) -> None:
    """Enter and complete of all five stages, from the product page to the verdict."""
    _, visit_id = world.engine.visit(CATEGORY)
    started = world.engine.start(CATEGORY, visit_id)
    turns = len(world.to_the_end(started.session.session_id))
    assert journey(metrics) == {(stage, action): 1.0 for stage in STAGES for action in ("enter", "complete")}
    for name, value in {
        "dialogue_sessions_total": 1,
        "dialogue_turns_total": turns,
        "dialogue_completions_total": 1,
        "product_analysis_total": 1,
        "reviews_processed_total": 2,
        "factors_matched_total": 2,
    }.items():
        assert metrics.value(name, category=CATEGORY) == value, name
    for name in ("retrieval_duration_seconds", "scoring_duration_seconds", "evidence_count"):
        assert metrics.count(name, category=CATEGORY) == 1 + turns, name
    assert metrics.sum("evidence_count", category=CATEGORY) == 2 * (1 + turns)


def test_a_session_without_a_live_visit_enters_by_itself(world: World, metrics: Recorded) -> None:
    """No visit, an unknown one, or one used before: product_selection is entered with the choice."""
    world.engine.start(CATEGORY, None)
    world.engine.start(CATEGORY, "unknown")
    _, visit_id = world.engine.visit(CATEGORY)
    world.engine.start(CATEGORY, visit_id)
    world.engine.start(CATEGORY, visit_id)
    counted = journey(metrics)
    assert counted["product_selection", "enter"] == 4
    assert counted["product_selection", "complete"] == 4


def test_leaving_is_counted_once_at_the_stage_that_was_open(world: World, metrics: Recorded) -> None:
    """Before the first answer it is dialogue_start, after it dialogue_active; leaving twice counts once."""
    early = world.engine.start(CATEGORY, None).session.session_id
    late = world.engine.start(CATEGORY, None).session.session_id
    world.answer(late)
    for session_id in (early, early, late):
        world.engine.leave(session_id, "browser_close")
    for stage in ("dialogue_start", "dialogue_active"):
        assert metrics.value("session_abandoned_total", stage=stage, reason="browser_close") == 1
    assert metrics.total("session_abandoned_total") == 2


def test_a_completed_dialogue_is_not_abandoned(world: World, metrics: Recorded) -> None:
    """Neither by leaving nor by time."""
    session_id = world.engine.start(CATEGORY, None).session.session_id
    world.to_the_end(session_id)
    world.engine.leave(session_id, "browser_close")
    world.clock.now += 61
    world.engine.sweep()
    assert metrics.total("session_abandoned_total") == 0


def test_the_time_out_ends_sessions_and_visits_once(world: World, metrics: Recorded) -> None:
    """Two workers sweep; each session and visit is told to one of them."""
    world.engine.visit(CATEGORY)
    world.engine.start(CATEGORY, None)
    world.clock.now += 61
    other = Engine(world.store, OneProduct(CATEGORY), world.writer)
    assert world.engine.sweep() + other.sweep() == 2
    assert metrics.value("session_abandoned_total", stage="product_selection", reason="timeout") == 1
    assert metrics.value("session_abandoned_total", stage="dialogue_start", reason="timeout") == 1


def test_an_answer_keeps_a_session_alive(world: World) -> None:
    """The time-out runs from the last sign of life."""
    session_id = world.engine.start(CATEGORY, None).session.session_id
    world.clock.now += 50
    world.answer(session_id)
    world.clock.now += 50
    assert world.engine.sweep() == 0


def test_the_gauge_follows_live_sessions_that_were_answered(world: World) -> None:
    """None before the first answer, the pieces of evidence after it, none once it has ended."""
    session_id = world.engine.start(CATEGORY, None).session.session_id
    series = live_series(world.store)
    assert series(10) == ([], [], 0)
    world.answer(session_id)
    assert series(10) == ([((CATEGORY, digest(session_id)), 2)], [], 0)
    assert series(0) == ([], [((CATEGORY, "(other)"), 2)], 1)
    world.engine.leave(session_id, "browser_close")
    assert series(10) == ([], [], 0)


def test_what_cannot_be_answered_says_why(world: World) -> None:
    """An unknown session, an ended one, and an answer to a question that is not open."""
    with pytest.raises(NotFound, match="no such session"):
        world.answer("nobody")
    with pytest.raises(NotFound):
        world.engine.start("toaster", None)
    session_id = world.engine.start(CATEGORY, None).session.session_id
    with pytest.raises(Conflict, match="question 'q-none' is not open"):
        world.answer(session_id, question_id="q-none")
    world.engine.leave(session_id, "browser_close")
    with pytest.raises(Conflict, match=f"session {digest(session_id)} has ended: abandoned"):
        world.answer(session_id)


def test_the_same_answers_give_the_same_verdict_request(world: World) -> None:
    """Nothing in a dialogue is left to chance."""
    for _ in range(2):
        world.to_the_end(world.engine.start(CATEGORY, None).session.session_id)
    first, second = world.writer.asked
    assert first == second


@pytest.mark.parametrize(("strength", "pieces"), [(0.9, 2), (0.1, 1)])
def test_what_hardly_speaks_to_the_shopper_is_no_evidence(strength: float, pieces: int) -> None:
    """A mention that weighs less than the least counts for nothing."""
    whole = corpus()
    noise, suction = whole.mentions
    weak = replace(whole, mentions=(replace(noise, strength=strength), suction))
    answers = tuple(ShopperAnswer("제일 중요해요", question(key)) for key in ("noise", "suction"))
    assert len(find(weak, answers).evidence) == pieces


def test_a_turn_is_one_log_line_with_its_session(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """As fields, so that JSON logs can be searched by session."""
    session_id = world.engine.start(CATEGORY, None).session.session_id
    with caplog.at_level("INFO", "reviewlens.journey"):
        world.answer(session_id)
    (line,) = [vars(record) for record in caplog.records]
    assert (line["session_id"], line["turn"], line["category"]) == (digest(session_id), 1, CATEGORY)
