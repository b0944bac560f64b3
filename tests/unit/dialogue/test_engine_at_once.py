"""Two turns of one session at once: one after another, each counted, none lost; at one worker and at two."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

import pytest
from support.reviews import FakeWriter, OneProduct
from support.session_stores import Stores

from app.dialogue.engine import Engine, Step
from app.dialogue.model import digest
from app.dialogue.turns import Turns
from app.errors import Conflict
from app.llm.verdict import Verdict, VerdictRequest
from telemetry.testing import Recorded

CATEGORY = "robot_cleaner"
COUNTED = ("dialogue_turns_total", "dialogue_completions_total")


class Writer(FakeWriter):
    """Writes after what it is told to await."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], asyncio.Future[Step] | object] | None = None

    async def write(self, request: VerdictRequest) -> Verdict:
        before, self.meanwhile = self.meanwhile, None
        if before:
            await before()  # type: ignore[misc]
        return await super().write(request)


class Shop:
    """Two workers, each with a store of its own on the same sessions. `reviews` are the first one's."""

    def __init__(self, stores: Stores) -> None:
        self.reviews, self.writer = OneProduct(), Writer()
        self.engine = Engine(stores(time.time), self.reviews, self.writer)
        self.other = Engine(stores(time.time), OneProduct(), self.writer)
        self.session_id = self.engine.start(CATEGORY, None).session.session_id

    def answer(
        self, engine: Engine | None = None, text: str = "중요해요", question_id: str | None = None
    ) -> Step:
        return asyncio.run((engine or self.engine).answer(self.session_id, text, question_id))

    def up_to_the_last(self) -> None:
        """Answer until one answer is left; another dialogue, which goes the same way, tells how many."""
        left = self.session_id
        self.session_id = self.other.start(CATEGORY, None).session.session_id
        turns = 1
        while self.answer().question:
            turns += 1
        self.session_id = left
        for _ in range(turns - 1):
            self.answer()


@pytest.fixture
def shop(stores: Stores, metrics: Recorded) -> Shop:
    return Shop(stores)


def counted(metrics: Recorded) -> list[float]:
    return [metrics.total(name) for name in COUNTED]


def test_a_turn_that_was_overtaken_is_taken_on_the_new_state(shop: Shop, metrics: Recorded) -> None:
    """Another worker took an answer between this one's reading and its writing, twice."""
    shop.reviews.meanwhile = [lambda: shop.answer(shop.other, "하나"), lambda: shop.answer(shop.other, "둘")]
    step = shop.answer(text="셋")
    assert [said.text for said in step.session.said] == ["하나", "둘", "셋"]
    assert len({said.question_id for said in step.session.said}) == 3
    assert metrics.total("dialogue_turns_total") == 3
    assert metrics.count("retrieval_duration_seconds", category=CATEGORY) == 1 + 3


def test_an_overtaken_turn_for_a_question_that_was_answered_is_refused(shop: Shop, metrics: Recorded) -> None:
    """Who says which question is meant, answers that one or none."""
    question = shop.engine.look(shop.session_id).question
    assert question is not None
    shop.reviews.meanwhile = [lambda: shop.answer(shop.other)]
    with pytest.raises(Conflict, match=f"question '{question.question_id}' is not open"):
        shop.answer(question_id=question.question_id)
    assert metrics.total("dialogue_turns_total") == 1


def test_an_overtaken_turn_of_a_dialogue_that_was_left_is_refused(shop: Shop, metrics: Recorded) -> None:
    """It has no question to go to."""
    shop.reviews.meanwhile = [lambda: shop.other.leave(shop.session_id, "browser_close")]
    with pytest.raises(Conflict, match="has ended: abandoned"):
        shop.answer()
    assert metrics.total("dialogue_turns_total") == 0


def test_two_requests_at_one_worker_are_taken_in_their_order(shop: Shop, metrics: Recorded) -> None:
    """The second waits for the first, also where both say the same."""

    async def twice() -> list[Step]:
        return await asyncio.gather(*(shop.engine.answer(shop.session_id, "중요해요") for _ in range(2)))

    first, second = asyncio.run(twice())
    assert (first.session.turn, second.session.turn) == (1, 2)
    assert second.session.said[0] == first.session.said[0]
    assert metrics.total("dialogue_turns_total") == 2


def test_who_comes_while_the_verdict_is_written_waits_for_it(shop: Shop, metrics: Recorded) -> None:
    """At the same worker no LLM is asked twice; the dialogue has ended then, and the second hears so."""
    shop.up_to_the_last()
    before = counted(metrics)

    async def twice() -> list[Step | BaseException]:
        late: list[asyncio.Task[Step]] = []

        async def another() -> None:
            late.append(asyncio.create_task(shop.engine.answer(shop.session_id, "중요해요")))
            await asyncio.sleep(0)

        shop.writer.meanwhile = another
        first = await shop.engine.answer(shop.session_id, "중요해요")
        return [first, *await asyncio.gather(*late, return_exceptions=True)]

    asked = len(shop.writer.asked)
    first, second = asyncio.run(twice())
    assert isinstance(first, Step) and first.session.analysis
    assert isinstance(second, Conflict)
    assert str(second).endswith("has ended: complete")
    assert len(shop.writer.asked) == asked + 1
    assert counted(metrics) == [before[0] + 1, before[1] + 1]


def test_two_workers_with_one_verdict_give_the_same_and_count_it_once(shop: Shop, metrics: Recorded) -> None:
    """The first took too long for the shopper, who asked again; the second was faster."""
    shop.up_to_the_last()
    before = counted(metrics)
    again: list[Step] = []

    async def at_the_other() -> None:
        again.append(await shop.other.answer(shop.session_id, "중요해요"))

    shop.writer.meanwhile = at_the_other
    first = shop.answer()
    assert first.session == again[0].session
    assert first.session.analysis
    assert counted(metrics) == [before[0] + 1, before[1] + 1]


def test_a_repetition_does_not_take_the_verdict_from_who_writes_it(shop: Shop, metrics: Recorded) -> None:
    """The one who asked again failed; the first still delivers."""
    shop.up_to_the_last()
    before = counted(metrics)

    async def fails_at_the_other() -> None:
        class Broken(FakeWriter):
            async def write(self, request: VerdictRequest) -> Verdict:
                raise OSError("the worker dies")

        shop.other._writer = Broken()
        with pytest.raises(OSError, match="dies"):
            await shop.other.answer(shop.session_id, "중요해요")

    shop.writer.meanwhile = fails_at_the_other
    assert shop.answer().session.status == "complete"
    assert counted(metrics) == [before[0] + 1, before[1] + 1]


def test_a_dialogue_that_is_left_while_its_verdict_is_written_has_none(shop: Shop, metrics: Recorded) -> None:
    """It was counted as abandoned, and is not completed as well."""
    shop.up_to_the_last()
    before = counted(metrics)

    async def leave() -> None:
        shop.other.leave(shop.session_id, "browser_close")

    shop.writer.meanwhile = leave
    with pytest.raises(Conflict):
        shop.answer()
    assert counted(metrics) == [before[0] + 1, before[1]]
    assert metrics.value("session_abandoned_total", stage="dialogue_complete", reason="browser_close") == 1


def test_a_turn_waits_for_another_no_longer_than_it_may() -> None:
    """Then it is told; the one before it goes on, and leaves nothing behind."""
    turns = Turns(wait_seconds=0.01)

    async def wait_in_vain() -> None:
        async with turns.one_at_a_time("s1"):
            with pytest.raises(Conflict, match=f"session {digest('s1')} is being answered"):
                async with turns.one_at_a_time("s1"):
                    pytest.fail("both were let in")
            async with turns.one_at_a_time("s2"):
                pass
        async with turns.one_at_a_time("s1"):
            pass

    asyncio.run(wait_in_vain())
    gc.collect()  # from Python 3.12 on, the exception of a wait in vain is in a cycle with its frames
    assert len(turns._locks) == 0
