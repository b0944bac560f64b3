"""Search and score the reviews for a shopper's answers."""

from __future__ import annotations

from dataclasses import dataclass

from app.reviews.corpus import KEPT, Corpus
from app.reviews.models import Evidence, FactorScore, ShopperAnswer
from app.reviews.retrieval import retrieve
from app.reviews.scoring import concerns, score
from telemetry.timing import Timer, track_errors

EVIDENCE_LIMIT = KEPT
RELEVANT = 0.4  # of 1; what weighs less speaks to none of the shopper's worries


@dataclass(frozen=True)
class ReviewAnalysis:
    """The reviews' answer to a shopper, and the seconds of the search."""

    scores: tuple[FactorScore, ...]
    evidence: tuple[Evidence, ...]
    retrieval_seconds: float
    scoring_seconds: float


def find(corpus: Corpus, answers: tuple[ShopperAnswer, ...]) -> ReviewAnalysis:
    """Retrieve and score for these answers. Counts failures; journey.py counts the rest."""
    retrieval, scoring = _Stopwatch(), _Stopwatch()
    with track_errors("retrieval_error", "retrieval"), Timer(retrieval):
        found = retrieve(corpus, concerns(corpus, answers), EVIDENCE_LIMIT)
        evidence = tuple(piece for piece in found if piece.score >= RELEVANT)
    with track_errors("scoring_error", "scoring"), Timer(scoring):
        scores = score(corpus, answers)
    return ReviewAnalysis(scores, evidence, retrieval.measured, scoring.measured)


class _Stopwatch:
    """Keeps a timer's measurement until its step counts."""

    measured = 0.0

    def observe(self, amount: float) -> None:
        """Called by the timer."""
        self.measured = amount
