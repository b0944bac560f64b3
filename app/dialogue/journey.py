"""Count the events of a dialogue. No other module counts the shopper's journey."""

from __future__ import annotations

import logging
from collections import Counter

from app.dialogue.analysis import ReviewAnalysis
from app.dialogue.model import ACTIVE, COMPLETE, START, Abandoned, digest
from app.dialogue.store import PRODUCT_SELECTION
from telemetry.metrics import (
    dialogue_completions_total,
    dialogue_sessions_total,
    dialogue_turns_total,
    evidence_count,
    factors_matched_total,
    product_analysis_total,
    retrieval_duration_seconds,
    reviews_processed_total,
    scoring_duration_seconds,
    session_abandoned_total,
    user_journey_stage_total,
)

REVIEW_COLLECTION = "review_collection"

# Up to this many sessions that time out at once have a line each in the log; more share a line.
FEW = 20

_log = logging.getLogger("reviewlens.journey")


def _step(stage: str, action: str, category: str) -> None:
    user_journey_stage_total.labels(stage=stage, action=action, category=category).inc()


def product_seen(category: str) -> None:
    """A shopper opened a product's page."""
    _step(PRODUCT_SELECTION, "enter", category)


def product_selected(category: str, seen_before: bool) -> None:
    """A shopper chose a product; without an opened page, the journey starts here."""
    if not seen_before:
        product_seen(category)
    _step(PRODUCT_SELECTION, "complete", category)
    _step(REVIEW_COLLECTION, "enter", category)


def searched(category: str, found: ReviewAnalysis) -> None:
    """The reviews were searched and scored for a step that was taken."""
    retrieval_duration_seconds.labels(category=category).observe(found.retrieval_seconds)
    scoring_duration_seconds.labels(category=category).observe(found.scoring_seconds)
    evidence_count.labels(category=category).observe(len(found.evidence))


def product_analysed(category: str, reviews: int, factors_matched: int) -> None:
    """The product's reviews were read and scored."""
    product_analysis_total.labels(category=category).inc()
    reviews_processed_total.labels(category=category).inc(reviews)
    factors_matched_total.labels(category=category).inc(factors_matched)
    _step(REVIEW_COLLECTION, "complete", category)


def session_started(category: str) -> None:
    """The first question was put."""
    dialogue_sessions_total.labels(category=category).inc()
    _step(START, "enter", category)


def answered(category: str, session_id: str, turn: int) -> None:
    """The shopper answered; `turn` counts from 1."""
    if turn == 1:
        _step(START, "complete", category)
        _step(ACTIVE, "enter", category)
    dialogue_turns_total.labels(category=category).inc()
    named = digest(session_id)
    fields = {"session_id": named, "turn": turn, "category": category}
    _log.info("turn %s in session %s, category %s", turn, named, category, extra=fields)


def concluding(category: str) -> None:
    """That was the last answer; the verdict is being written."""
    _step(ACTIVE, "complete", category)
    _step(COMPLETE, "enter", category)


def delivered(category: str) -> None:
    """The verdict is there."""
    _step(COMPLETE, "complete", category)
    dialogue_completions_total.labels(category=category).inc()


def abandoned(ended: Abandoned) -> None:
    """A shopper went away."""
    session_abandoned_total.labels(stage=ended.stage, reason=ended.reason).inc()
    _tell(ended)


def timed_out(ended: list[Abandoned]) -> None:
    """These shoppers gave no sign of life for the time-out."""
    stages = Counter(each.stage for each in ended)
    for stage, number in stages.items():
        session_abandoned_total.labels(stage=stage, reason="timeout").inc(number)
    if len(ended) > FEW:
        _log.info("abandoned by timeout: %s", ", ".join(f"{n} at {stage}" for stage, n in stages.items()))
        return
    for each in ended:
        _tell(each)


def _tell(ended: Abandoned) -> None:
    named = digest(ended.session_id) if ended.session_id else ""
    fields = {"session_id": named, "stage": ended.stage, "reason": ended.reason}
    _log.info("abandoned at %s by %s %s", ended.stage, ended.reason, named, extra=fields)
