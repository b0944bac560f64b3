"""A dialogue turn over ten thousand reviews."""

from __future__ import annotations

from datetime import timedelta
from statistics import quantiles
from time import perf_counter

from app.reviews.corpus import Corpus
from app.reviews.models import Answer, Mention, Polarity
from app.reviews.retrieval import retrieve
from app.reviews.scoring import concerns, score
from tests.support.reviews import DAY, KEYS, corpus, question

REVIEWS = 10_000
TURNS = 100
BOUND_SECONDS = 0.02
LABELS: tuple[Polarity, ...] = ("POS", "NEG", "MIX", "NEU")


def large() -> Corpus:
    """Two mentions a review, as the samples have them at most."""
    small = corpus()
    mentions = [
        Mention(
            str(at),
            KEYS[(at + half) % 4],
            3,
            DAY - timedelta(hours=at),
            LABELS[at % 4],
            (at % 90) / 100,
            "...",
        )
        for at in range(REVIEWS)
        for half in range(2)
    ]
    return Corpus(small.product, small.factors, small.questions, tuple(mentions))


def test_a_turn_takes_less_than_20_ms_at_the_95th_percentile() -> None:
    """Retrieval and scoring together, after the first one; docs/korean-text.md has the figures."""
    of, seconds = large(), []
    said = [Answer("소음은 상관없는데 배터리가 제일 걱정이에요", question(key)) for key in KEYS]
    retrieve(of, concerns(of, said))
    for _ in range(TURNS):
        start = perf_counter()
        retrieve(of, concerns(of, said))
        score(of, said)
        seconds.append(perf_counter() - start)
    assert quantiles(seconds, n=20)[-1] < BOUND_SECONDS
