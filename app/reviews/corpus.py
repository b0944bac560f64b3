"""One product's knowledge, ready for scoring and search without reading text again."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from app.reviews.models import Factor, Mention, Polarity, Product, Question
from app.reviews.rows import Kind

HALF_LIFE = timedelta(days=365)
OLD_SHARE = 0.7  # remaining share of a mention's strength at endless age
KEPT = 50  # mentions of each group that a worker keeps; no turn shows more
LABELS: tuple[Polarity, ...] = ("POS", "NEG", "MIX", "NEU")

Group = tuple[str, Polarity]
"""A factor's key and a label."""


def quality(strength: float, created_at: datetime, newest: datetime) -> float:
    """How well a mention serves as evidence, 0 to 1: by its strength, and a little by its age."""
    age = (newest - created_at) / HALF_LIFE
    return strength * (OLD_SHARE + (1 - OLD_SHARE) * math.pow(0.5, age))


@dataclass(frozen=True)
class Tally:
    """How many reviews speak of a factor, by what they say."""

    pos: int = 0
    neg: int = 0
    mix: int = 0
    neu: int = 0

    @property
    def total(self) -> int:
        return self.pos + self.neg + self.mix + self.neu

    @property
    def complaints(self) -> float:
        """Reviews that complain; a review that also praises counts half."""
        return self.neg + self.mix / 2


@dataclass(frozen=True)
class Corpus:
    """One product's factors, questions and analysed reviews, as of one generation of the catalogue.

    `samples`: the kinds held by shipped samples. `mentions` may be a selection of the best; `counts` and
    `newest` cover all.
    """

    product: Product
    factors: tuple[Factor, ...]
    questions: tuple[Question, ...]
    mentions: tuple[Mention, ...]
    generation: int = 0
    samples: tuple[Kind, ...] = ()
    counts: Mapping[Group, int] | None = None
    newest: datetime | None = None

    @property
    def review_count(self) -> int:
        """Reviews read, whether or not they speak of a factor."""
        return self.product.review_count

    @property
    def factors_matched(self) -> int:
        """Factors with at least one review."""
        return sum(1 for tally in self.tallies.values() if tally.total)

    @cached_property
    def tallies(self) -> Mapping[str, Tally]:
        """A tally per factor key, for every factor."""
        counts = self.counts
        if counts is None:
            counts = Counter((mention.factor_key, mention.label) for mention in self.mentions)
        return {
            factor.factor_key: Tally(*(counts.get((factor.factor_key, label), 0) for label in LABELS))
            for factor in self.factors
        }

    @cached_property
    def ranked(self) -> Mapping[Group, tuple[tuple[float, Mention], ...]]:
        """(quality, mention) by factor and label, best first; equals by review id."""
        newest = self.newest or max((mention.created_at for mention in self.mentions), default=None)
        groups: dict[Group, list[tuple[float, Mention]]] = defaultdict(list)
        for mention in self.mentions:
            worth = quality(mention.strength, mention.created_at, newest or mention.created_at)
            groups[mention.factor_key, mention.label].append((worth, mention))
        return {
            key: tuple(sorted(group, key=lambda pair: (-pair[0], pair[1].review_id)))
            for key, group in sorted(groups.items())
        }
