"""Dialogues that go on while the data behind them are replaced or taken out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from support.reviews import FakeWriter, corpus, question
from support.session_stores import Stores

from app.dialogue.engine import Engine, Step
from app.dialogue.questions import GENERAL
from app.errors import NotFound
from app.reviews.corpus import Corpus
from telemetry.testing import Recorded, StepClock

CATEGORY = "robot_cleaner"


class Shelf:
    """A source of reviews of which one product can be taken away."""

    def __init__(self) -> None:
        self.held: Corpus | None = replace(corpus(), samples=("questions", "reviews"))

    def corpus(self, product_id: str) -> Corpus:
        """The product, or NotFound."""
        if self.held is None:
            raise NotFound(product_id)
        return self.held


class Shop:
    """An engine over a shelf, with a dialogue that has had one answer."""

    def __init__(self, stores: Stores) -> None:
        self.shelf, self.writer = Shelf(), FakeWriter()
        self.engine = Engine(stores(StepClock(step=0.0)), self.shelf, self.writer)
        self.session_id = self.engine.start(CATEGORY, None).session.session_id
        self.open = self.answer().question

    def answer(self, question_id: str | None = None) -> Step:
        return asyncio.run(self.engine.answer(self.session_id, "중요해요", question_id))

    def to_the_end(self) -> Step:
        step = self.answer()
        while step.question:
            step = self.answer(step.question.question_id)
        return step


@pytest.fixture
def shop(stores: Stores, metrics: Recorded) -> Shop:
    return Shop(stores)


def test_every_step_and_the_verdict_say_what_of_their_data_are_samples(shop: Shop) -> None:
    """As it was when they were made."""
    assert shop.engine.look(shop.session_id).samples == ("questions", "reviews")
    verdict = shop.to_the_end()
    assert verdict.samples == ("questions", "reviews")
    shop.shelf.held = replace(corpus(), samples=())
    later = shop.engine.look(shop.session_id)
    assert later.samples == ()
    assert later.session.analysis is not None
    assert later.session.analysis["samples"] == ["questions", "reviews"]


def test_an_open_question_that_was_replaced_keeps_its_id(shop: Shop) -> None:
    """It stands there in general words; its answer is taken, and the next question is one of the new."""
    assert shop.open is not None
    shop.shelf.held = replace(corpus(), questions=(replace(question("price"), question_id="new"),))
    shown = shop.engine.look(shop.session_id).question
    assert shown == replace(GENERAL, question_id=shop.open.question_id)
    following = shop.answer(shop.open.question_id).question
    assert following is not None
    assert following.question_id == "new"
    assert shop.to_the_end().session.status == "complete"


def test_a_dialogue_about_a_product_that_was_taken_out_comes_to_its_verdict(shop: Shop) -> None:
    """One without evidence; a new dialogue about it cannot begin."""
    assert shop.open is not None
    shop.shelf.held = None
    shown = shop.engine.look(shop.session_id).question
    assert shown == replace(GENERAL, question_id=shop.open.question_id)
    step = shop.to_the_end()
    assert step.session.status == "complete"
    assert step.session.turn <= 5
    (request,) = shop.writer.asked
    assert (request.product_name, request.factors, request.evidence) == (CATEGORY, (), ())
    assert shop.engine.look(shop.session_id).session.status == "complete"
    with pytest.raises(NotFound):
        shop.engine.start(CATEGORY, None)
