"""The dialogue: three to five questions, review evidence for each answer, one verdict."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from anyio import to_thread

from app.dialogue import journey
from app.dialogue.analysis import ReviewAnalysis, find
from app.dialogue.model import ACTIVE, COMPLETE, GivenAnswer, Reason, Session, digest
from app.dialogue.questions import GENERAL, next_question, settled, top
from app.dialogue.store import Overtaken, SessionStore
from app.dialogue.turns import Turns
from app.errors import Conflict, NotFound
from app.llm.verdict import Restart, Verdict, VerdictRequest
from app.reviews.corpus import Corpus
from app.reviews.models import Evidence, FactorScore, Product, Question, ShopperAnswer
from app.reviews.rows import Kind
from app.reviews.scoring import score
from telemetry.timing import track_errors

SHOWN_EVIDENCE = 8
# Turns of other workers that one turn lets go before it: more than a dialogue has.
MOST_AHEAD = 10


class Corpora(Protocol):
    """Where the engine finds a product's reviews, as they are now."""

    def corpus(self, product_id: str) -> Corpus:
        """Everything known of a product. Raises NotFound."""


class Writer(Protocol):
    """The writer of the verdict."""

    async def write(self, request: VerdictRequest) -> Verdict:
        """A verdict, always."""

    def stream(self, request: VerdictRequest) -> AsyncGenerator[str | Restart | Verdict, None]:
        """The same as it is written, the verdict last. Close to stop it."""


@dataclass(frozen=True)
class Step:
    """Where a dialogue stands after an event; `question` is None once it is final."""

    session: Session
    scores: tuple[FactorScore, ...]
    question: Question | None
    samples: tuple[Kind, ...] = ()
    """The kinds of data it rests on that are shipped samples."""


Taken = tuple[Step, VerdictRequest | None]


class Engine:
    """Runs dialogues over a store of sessions, a source of reviews and a writer of verdicts.

    Each step is written to the store first and counted then: a step that cannot be written has not happened,
    and is repeated.
    """

    def __init__(
        self,
        store: SessionStore,
        corpora: Corpora,
        writer: Writer,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._store = store
        self._corpora = corpora
        self._writer = writer
        self._new_id = new_id
        self._turns = Turns()

    def visit(self, product_id: str) -> tuple[Corpus, str]:
        """A shopper opens a product's page: the product, and the visit's id. Raises NotFound."""
        corpus = self._corpora.corpus(product_id)
        visit_id = self._store.open_visit(product_id)
        journey.product_seen(corpus.product.category)
        return corpus, visit_id

    def start(self, product_id: str, visit_id: str | None) -> Step:
        """A shopper chooses a product: its reviews are analysed, the first question put. Raises NotFound."""
        corpus = self._corpora.corpus(product_id)
        category = corpus.product.category
        found = find(corpus, ())
        question = next_question(corpus.questions, found.scores, ())
        session = Session(self._new_id(), product_id, category, question.question_id, top=top(found.scores))
        seen_before = self._store.begin(session, visit_id)
        journey.product_selected(category, seen_before)
        journey.searched(category, found)
        journey.product_analysed(category, corpus.review_count, corpus.factors_matched)
        journey.session_started(category)
        return Step(session, found.scores, question, corpus.samples)

    def look(self, session_id: str) -> Step:
        """A dialogue as it stands. Raises NotFound."""
        session = self._session(session_id)
        corpus = self._corpus(session)
        scores = score(corpus, _answers(corpus, session))
        return Step(session, scores, _open_question(corpus, session.question_id), corpus.samples)

    async def answer(self, session_id: str, text: str, question_id: str | None = None) -> Step:
        """The shopper answers; the last answer brings the verdict. Raises NotFound and Conflict.

        Of two simultaneous turns the later waits, and continues from the first one's result. `question_id`,
        if given, must be the open question's: so a repeated request is no new answer. If the verdict did not
        arrive, the last answer is repeated.
        """
        async with self._turns.one_at_a_time(session_id):
            step, request = await to_thread.run_sync(self._take, session_id, text, question_id)
            if request is None:
                return step
            verdict = await self._writer.write(request)
            session = await to_thread.run_sync(self._deliver, step, verdict, request)
            return replace(step, session=session)

    async def stream(
        self, session_id: str, text: str, question_id: str | None = None
    ) -> AsyncGenerator[Step | str | Restart, None]:
        """As `answer`: first the step as it was taken, then the verdict as it is written, then the last step.

        Close to stop the writing; the last answer is then repeated to have the verdict.
        """
        async with self._turns.one_at_a_time(session_id):
            step, request = await to_thread.run_sync(self._take, session_id, text, question_id)
            yield step
            if request is None:
                return
            async with aclosing(self._writer.stream(request)) as events:
                async for event in events:
                    if not isinstance(event, Verdict):
                        yield event
                        continue
                    session = await to_thread.run_sync(self._deliver, step, event, request)
                    yield replace(step, session=session)

    def leave(self, session_id: str, reason: Reason) -> None:
        """The shopper goes away; counted if the dialogue was live. Raises NotFound."""
        self._session(session_id)
        if ended := self._store.abandon(session_id, reason):
            journey.abandoned(ended)

    def sweep(self) -> int:
        """Abandon a portion of the sessions idle for the time-out, and remove a portion of those ended long
        ago.

        Returns how many; 0: nothing is left to do here.
        """
        ended = self._store.expire()
        journey.timed_out(ended)
        return len(ended) + self._store.forget()

    def _session(self, session_id: str) -> Session:
        session = self._store.get(session_id)
        if session is None:
            raise NotFound("no such session")
        return session

    def _corpus(self, session: Session) -> Corpus:
        """The session's product now: empty if it was taken out meanwhile."""
        try:
            return self._corpora.corpus(session.product_id)
        except NotFound:
            name, category = session.product_id, session.category
            return Corpus(Product(name, name, category, category, 0), (), (), ())

    def _take(self, session_id: str, text: str, question_id: str | None) -> Taken:
        """Take one answer after the answers that other workers take at the same time."""
        for _ in range(MOST_AHEAD):
            with suppress(Overtaken):
                return self._take_next(session_id, text, question_id)
        return self._take_next(session_id, text, question_id)

    def _take_next(self, session_id: str, text: str, question_id: str | None) -> Taken:
        """Take one answer as the session stands now. Overtaken: it has moved on.

        A request for a verdict comes with the last answer, and with its repetition. Both save the session, so
        that no LLM writes a verdict that cannot be kept.
        """
        before = self._session(session_id)
        _expect_open(before, text, question_id)
        corpus = self._corpus(before)
        answered = before if before.owed else _with_answer(before, text)
        found = find(corpus, _answers(corpus, answered))
        final = before.owed or settled(answered.turn, before.top, top(found.scores))
        question = None if final else _following(corpus, answered, found)
        session = self._store.save(
            replace(
                answered,
                stage=COMPLETE if final else ACTIVE,
                question_id=question.question_id if question else None,
                top=top(found.scores),
                evidence=len(found.evidence),
            )
        )
        if not before.owed:
            _count(session, found)
        step = Step(session, found.scores, question, corpus.samples)
        if not final:
            return step, None
        return step, VerdictRequest(
            product_name=corpus.product.name,
            category=session.category,
            factors=found.scores,
            evidence=found.evidence,
            answers=_answers(corpus, session),
        )

    def _deliver(self, step: Step, verdict: Verdict, request: VerdictRequest) -> Session:
        """Keep the verdict, or give the verdict of a faster worker."""
        session = step.session
        analysis = _analysis(verdict, request.evidence, step.samples)
        while True:
            try:
                delivered = self._store.save(replace(session, status="complete", analysis=analysis))
            except Overtaken:
                session = self._session(session.session_id)
                if session.status == "complete":
                    return session
                if not session.owed:
                    raise
            else:
                journey.delivered(delivered.category)
                return delivered


@track_errors("dialogue_error", "dialogue")
def _following(corpus: Corpus, session: Session, found: ReviewAnalysis) -> Question:
    asked = {said.question_id for said in session.said}
    last = _question(corpus, session.said[-1].question_id)
    return next_question(corpus.questions, found.scores, asked, last.next_factor_hint if last else "")


def _count(session: Session, found: ReviewAnalysis) -> None:
    """Count the answer that `session` was saved with."""
    journey.searched(session.category, found)
    journey.answered(session.category, session.session_id, session.turn)
    if session.owed:
        journey.concluding(session.category)


def _with_answer(session: Session, text: str) -> Session:
    return replace(session, said=(*session.said, GivenAnswer(str(session.question_id), text)))


def _expect_open(session: Session, text: str, question_id: str | None) -> None:
    if session.status != "live":
        raise Conflict(f"session {digest(session.session_id)} has ended: {session.status}")
    expected = session.question_id or session.said[-1].question_id
    if question_id is not None and question_id != expected:
        raise Conflict(f"question {question_id!r} is not open; the open one is {expected!r}")
    if session.owed and text != session.said[-1].text:
        named = digest(session.session_id)
        raise Conflict(f"session {named} awaits its verdict; repeat the last answer to have it")


def _question(corpus: Corpus, question_id: str | None) -> Question | None:
    by_id = {question.question_id: question for question in (GENERAL, *corpus.questions)}
    return by_id.get(question_id) if question_id else None


def _open_question(corpus: Corpus, question_id: str | None) -> Question | None:
    """A question that was replaced since it was put stays open, in general words."""
    if question_id is None:
        return None
    return _question(corpus, question_id) or replace(GENERAL, question_id=question_id)


def _answers(corpus: Corpus, session: Session) -> tuple[ShopperAnswer, ...]:
    return tuple(ShopperAnswer(said.text, _question(corpus, said.question_id)) for said in session.said)


def _analysis(verdict: Verdict, evidence: tuple[Evidence, ...], samples: tuple[Kind, ...]) -> dict[str, Any]:
    return {
        **asdict(verdict),
        "key_findings": list(verdict.key_findings),
        "evidence": [asdict(piece) for piece in evidence[:SHOWN_EVIDENCE]],
        "samples": list(samples),
    }
