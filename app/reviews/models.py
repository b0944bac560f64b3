"""What the review files say, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Polarity = Literal["POS", "NEG", "MIX", "NEU"]
AnswerType = Literal["single_choice", "no_choice"]


@dataclass(frozen=True)
class Factor:
    """A reason for which shoppers of a category come to regret a purchase."""

    factor_id: str
    factor_key: str
    category: str
    category_name: str
    product_name: str
    regret_type: str
    display_name: str
    description: str
    anchor_terms: tuple[str, ...]
    context_terms: tuple[str, ...]
    negation_terms: tuple[str, ...]
    weight: float
    review_mentions: int


@dataclass(frozen=True)
class Question:
    """A question about a factor's importance to the shopper."""

    question_id: str
    factor_id: str
    factor_key: str
    question_text: str
    answer_type: AnswerType
    choices: tuple[str, ...]
    next_factor_hint: str


@dataclass(frozen=True)
class Review:
    """One shopper's review; rating 1 to 5."""

    review_id: str
    rating: int
    text: str
    created_at: datetime


@dataclass(frozen=True)
class Mention:
    """One review's statement on one factor; strength 0 to 1."""

    review_id: str
    factor_key: str
    rating: int
    created_at: datetime
    label: Polarity
    strength: float
    excerpt: str


@dataclass(frozen=True)
class Product:
    """A product to ask about. One category is one product, unless a file says more."""

    product_id: str
    name: str
    category: str
    category_name: str
    review_count: int


@dataclass(frozen=True)
class ShopperAnswer:
    """The shopper's words, and their question (None: unasked)."""

    text: str
    question: Question | None = None


@dataclass(frozen=True)
class FactorScore:
    """How much a factor weighs for this shopper, 0 to 1, given reviews and answers."""

    factor_key: str
    name: str
    score: float


@dataclass(frozen=True)
class Evidence:
    """A place in a review that speaks to a factor: for it (POS), against (NEG), both (MIX), neither (NEU)."""

    review_id: str
    rating: int
    excerpt: str
    factor_key: str
    label: Polarity
    score: float
