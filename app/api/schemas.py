"""What the API takes and gives, as its OpenAPI page shows it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from app.plaintext import PlainText
from app.reviews.spelling import clean

_HALF = re.compile("[\ud800-\udfff]")


def _clean(value: object) -> object:
    """Halves of surrogate pairs are left for pydantic to refuse."""
    if not isinstance(value, str) or _HALF.search(value):
        return value
    return clean(value)


# An id or answer that looks the same is the same, however a keyboard, a link or a page spells it.
CLEAN = BeforeValidator(_clean)
AnyId = Annotated[str, StringConstraints(max_length=200), CLEAN]


Samples = Annotated[
    list[Literal["factors", "questions", "reviews"]],
    Field(description="what of the data behind this is not the shop's own but the shipped samples"),
]


class Shape(BaseModel):
    """Reads its fields from any object that has them."""

    model_config = ConfigDict(from_attributes=True)


class ProductOut(Shape):
    """A product that can be asked about."""

    product_id: str
    name: PlainText
    category: str
    category_name: PlainText
    review_count: int
    samples: Samples = []


class FactorOut(Shape):
    """A reason for regret, as the product page shows it."""

    factor_key: str
    display_name: PlainText
    description: PlainText
    regret_type: PlainText


class ProductPage(ProductOut):
    """A product with its factors. Give visit_id to POST /api/sessions."""

    factors: list[FactorOut]
    visit_id: str


class QuestionOut(BaseModel):
    """The open question; no choices: the answer is free."""

    question_id: str
    text: PlainText
    choices: list[PlainText]


class ScoreOut(Shape):
    """How much a factor weighs for this shopper, 0 to 1."""

    factor_key: str
    name: PlainText
    score: float


class EvidenceOut(BaseModel):
    """A place in a review that speaks to a factor."""

    review_id: str
    rating: int
    excerpt: PlainText
    factor_key: str
    label: Literal["POS", "NEG", "MIX", "NEU"]
    score: float


class AnalysisOut(BaseModel):
    """The verdict, who wrote it, and the evidence it rests on."""

    summary: PlainText
    recommendation: PlainText
    key_findings: list[PlainText]
    provider: str
    status: Literal["success", "fallback"]
    evidence: list[EvidenceOut]
    samples: Samples = []


class SessionIn(BaseModel):
    """Which product to talk about."""

    product_id: Annotated[str, StringConstraints(min_length=1, max_length=200), CLEAN]
    visit_id: AnyId | None = None


class SessionOut(BaseModel):
    """A dialogue that has begun."""

    session_id: str
    product_id: str
    category: str
    factors: list[ScoreOut]
    question: QuestionOut
    samples: Samples


class SessionState(BaseModel):
    """A dialogue as it stands."""

    session_id: str
    product_id: str
    category: str
    status: Literal["live", "complete", "abandoned"]
    stage: str
    turn: int
    factors: list[ScoreOut]
    question: QuestionOut | None
    analysis: AnalysisOut | None
    samples: Samples


class TurnIn(BaseModel):
    """One answer."""

    answer: Annotated[str, StringConstraints(min_length=1, max_length=2000), CLEAN]
    question_id: AnyId | None = None


class TurnOut(BaseModel):
    """What an answer brought: the next question, or the verdict."""

    session_id: str
    turn: int
    is_final: bool
    factors: list[ScoreOut]
    question: QuestionOut | None
    analysis: AnalysisOut | None
    samples: Samples


class Health(BaseModel):
    """Whether the service works, and if not, why."""

    status: Literal["ok", "unavailable"]
    reason: str = ""


class Problem(BaseModel):
    """Why a request was not done."""

    detail: str = Field(examples=["no such session"])
