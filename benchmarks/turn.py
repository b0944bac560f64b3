"""What a dialogue turn costs: retrieval and scoring over ten thousand reviews, in memory."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from statistics import quantiles

from app.reviews.corpus import Corpus
from app.reviews.models import Factor, Mention, Polarity, Product, Question, ShopperAnswer
from app.reviews.retrieval import retrieve
from app.reviews.scoring import concerns, score
from benchmarks.part import Part, Turn
from benchmarks.standing import standing

REVIEWS = 10_000
TURNS = 100
LIMIT = 50
KEYS = ("battery", "noise", "price", "suction")
LABELS: tuple[Polarity, ...] = ("POS", "NEG", "MIX", "NEU")
DAY = datetime(2026, 1, 2, tzinfo=timezone.utc)


def large() -> Corpus:
    """Two mentions a review, four factors."""
    factors = tuple(
        Factor(key, key, "vacuum", "", "", "", key, "", (key,), (), (), 1.0, REVIEWS // 2) for key in KEYS
    )
    mentions = tuple(
        Mention(
            review_id=str(at),
            factor_key=KEYS[(at + half) % 4],
            rating=3,
            created_at=DAY - timedelta(hours=at),
            label=LABELS[at % 4],
            strength=(at % 90) / 100,
            excerpt="...",
        )
        for at in range(REVIEWS)
        for half in range(2)
    )
    return Corpus(Product("vacuum", "", "vacuum", "", REVIEWS), factors, (), mentions)


def _once(corpus: Corpus, said: list[ShopperAnswer]) -> float:
    start = time.thread_time()
    retrieve(corpus, concerns(corpus, said), LIMIT)
    score(corpus, said)
    return (time.thread_time() - start) * 1e3


def turns() -> Turn:
    """Milliseconds of processor time that 95 of 100 turns take at most, after the corpus was ranked once."""
    corpus = large()
    text = "소음은 상관없는데 배터리가 제일 걱정이에요"
    said = [ShopperAnswer(text, Question(key, key, key, "?", "no_choice", (), "")) for key in KEYS]
    retrieve(corpus, concerns(corpus, said), LIMIT)
    return lambda: quantiles([_once(corpus, said) for _ in range(TURNS)], n=20)[-1]


def looks() -> Turn:
    """Milliseconds of processor time that 95 of 100 looks at every mention take at most."""
    mentions = large().mentions

    def look() -> float:
        start = time.thread_time()
        sum(mention.strength for mention in mentions)
        return (time.thread_time() - start) * 1e3

    return lambda: quantiles([look() for _ in range(TURNS)], n=20)[-1]


ROW = "10,000 reviews, four answers"
LOOK = "one look at each of their mentions"
FACTORIES = {ROW: turns, LOOK: looks}
PART = Part(
    "turn",
    "One dialogue turn: retrieval and scoring, p95",
    "ms",
    f"In memory, no LLM; processor time, the 95th percentile of {TURNS} turns a round.",
    standing(__name__, FACTORIES),
)
