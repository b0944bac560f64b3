"""Choose the evidence to show: it speaks to the shopper's concerns and is varied.

No BM25 or vector search: the import has matched reviews to factors, so only a choice by weight among known
mentions remains. A text ranking would rank by words that the shopper never typed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from app.reviews.corpus import Corpus
from app.reviews.models import Evidence, Mention, Polarity

LABEL_WEIGHT: Mapping[Polarity, float] = {"NEG": 1.0, "MIX": 0.9, "POS": 0.85, "NEU": 0.3}
SAME_FACTOR = 0.85  # worth of each further piece for a factor, against the one before
SAME_LABEL = 0.85  # the same for each further piece with the same label

Group = tuple[str, Polarity]


def retrieve(corpus: Corpus, concerns: Mapping[str, float], limit: int = 10) -> tuple[Evidence, ...]:
    """The best `limit` pieces of evidence for `concerns` (weight by factor key), best first.

    A smaller limit gives a prefix of a larger limit's answer. Factors of weight 0 or less give nothing.
    """
    wanted = {key: weight for key, weight in concerns.items() if math.isfinite(weight) and weight > 0}
    heads = {group: 0 for group in corpus.ranked if group[0] in wanted}
    taken: Counter[str | Group] = Counter()
    chosen: list[Evidence] = []
    while heads and len(chosen) < limit:
        group = min(heads, key=lambda each: _order(corpus, wanted, heads, taken, each))
        quality, mention = corpus.ranked[group][heads[group]]
        chosen.append(_evidence(mention, _value(wanted, group, quality)))
        taken.update((group, group[0]))
        heads[group] += 1
        if heads[group] == len(corpus.ranked[group]):
            del heads[group]
    return tuple(chosen)


def _order(
    corpus: Corpus,
    wanted: Mapping[str, float],
    heads: Mapping[Group, int],
    taken: Counter[str | Group],
    group: Group,
) -> tuple[float, str, Group]:
    quality, mention = corpus.ranked[group][heads[group]]
    variety = SAME_FACTOR ** taken[group[0]] * SAME_LABEL ** taken[group]
    return (-_value(wanted, group, quality) * variety, mention.review_id, group)


def _value(wanted: Mapping[str, float], group: Group, quality: float) -> float:
    return min(1.0, wanted[group[0]]) * LABEL_WEIGHT[group[1]] * quality


def _evidence(mention: Mention, value: float) -> Evidence:
    return Evidence(
        review_id=mention.review_id,
        rating=mention.rating,
        excerpt=mention.excerpt,
        factor_key=mention.factor_key,
        label=mention.label,
        score=round(value, 4),
    )
