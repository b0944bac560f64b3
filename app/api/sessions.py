"""Dialogues: begin, answer, look, leave."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.problems import BODY, LIMITED, UNAVAILABLE, Responses
from app.api.schemas import (
    AnalysisOut,
    Problem,
    QuestionOut,
    ScoreOut,
    SessionIn,
    SessionOut,
    SessionState,
    TurnIn,
    TurnOut,
)
from app.api.services import Current
from app.api.stream import EventStream, wanted
from app.dialogue.engine import Step
from app.dialogue.model import Reason
from app.reviews.models import Question

router = APIRouter(prefix="/api/sessions", tags=["sessions"], responses=UNAVAILABLE)
NOT_FOUND: Responses = {404: {"model": Problem}}
CONFLICT: Responses = {**NOT_FOUND, **BODY, 409: {"model": Problem}}
STREAMED: Responses = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("", status_code=201, responses=NOT_FOUND | BODY | LIMITED)
def begin(wanted: SessionIn, services: Current, request: Request) -> SessionOut:
    """Begin a dialogue about a product."""
    services.starts.admit(request)
    step = services.engine.start(wanted.product_id, wanted.visit_id)
    assert step.question is not None  # noqa: S101 - a dialogue begins with a question
    return SessionOut(
        session_id=step.session.session_id,
        product_id=step.session.product_id,
        category=step.session.category,
        factors=_scores(step),
        question=_asked(step.question),
        samples=list(step.samples),
    )


@router.get("/{session_id}", responses=NOT_FOUND)
def look(session_id: str, services: Current) -> SessionState:
    """A dialogue as it stands."""
    step = services.engine.look(session_id)
    return SessionState(
        session_id=session_id,
        product_id=step.session.product_id,
        category=step.session.category,
        status=step.session.status,
        stage=step.session.stage,
        turn=step.session.turn,
        factors=_scores(step),
        question=_asked(step.question) if step.question else None,
        analysis=_analysis(step),
        samples=list(step.samples),
    )


@router.post("/{session_id}/turns", responses=CONFLICT | STREAMED, response_model=TurnOut)
async def answer(
    session_id: str, given: TurnIn, services: Current, request: Request
) -> TurnOut | EventStream:
    """Answer the open question. The third to fifth answer brings the verdict.

    With `Accept: text/event-stream` the verdict comes as it is written: `delta` {text} are pieces of a
    provider's JSON answer, `restart` withdraws them all, `result` is this answer's JSON, `error` {detail}
    ends what failed. An answer that brings no verdict is one `result`.
    """
    asked = (session_id, given.answer, given.question_id)
    if wanted(request.headers.get("accept", "")):
        return EventStream(request, services.engine.stream(*asked), _turn)
    return _turn(await services.engine.answer(*asked))


def _turn(step: Step) -> TurnOut:
    return TurnOut(
        session_id=step.session.session_id,
        turn=step.session.turn,
        is_final=step.question is None,
        factors=_scores(step),
        question=_asked(step.question) if step.question else None,
        analysis=_analysis(step),
        samples=list(step.samples),
    )


@router.delete("/{session_id}", status_code=204, responses=NOT_FOUND)
def leave(session_id: str, services: Current, reason: Reason = "browser_close") -> Response:
    """Leave a dialogue. Leaving one that has ended changes nothing."""
    services.engine.leave(session_id, reason)
    return Response(status_code=204)


def _scores(step: Step) -> list[ScoreOut]:
    return [ScoreOut.model_validate(score) for score in step.scores]


def _asked(question: Question) -> QuestionOut:
    return QuestionOut(
        question_id=question.question_id, text=question.question_text, choices=list(question.choices)
    )


def _analysis(step: Step) -> AnalysisOut | None:
    analysis = step.session.analysis
    return AnalysisOut.model_validate(analysis) if analysis else None
