"""A small product for tests, made by hand: two reviews, four factors, four questions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timezone

from app.errors import NotFound
from app.llm.verdict import Restart, Verdict, VerdictRequest
from app.reviews.corpus import Corpus
from app.reviews.models import Factor, Mention, Product, Question

KEYS = ("battery", "noise", "price", "suction")
DAY = datetime(2026, 1, 2, tzinfo=timezone.utc)


def factor(key: str) -> Factor:
    """A factor named by its key."""
    return Factor(
        factor_id=key,
        factor_key=key,
        category="robot_cleaner",
        category_name="로봇청소기",
        product_name="시험용 청소기",
        regret_type="performance",
        display_name=key.title(),
        description=f"about {key}",
        anchor_terms=(key,),
        context_terms=(),
        negation_terms=("없",),
        weight=1.0,
        review_mentions=1,
    )


def question(key: str, hint: str = "") -> Question:
    """The question for a factor."""
    return Question(f"q-{key}", key, key, f"{key}?", "single_choice", ("중요해요", "상관없어요"), hint)


def corpus() -> Corpus:
    """The product with what its reviews say."""
    mentions = (
        Mention("r1", "noise", 2, DAY, "NEG", 0.9, "시끄러워요"),
        Mention("r2", "suction", 5, DAY, "POS", 0.8, "흡입력이 좋아요"),
    )
    return Corpus(
        Product("robot_cleaner", "시험용 청소기", "robot_cleaner", "로봇청소기", 2),
        tuple(map(factor, KEYS)),
        tuple(map(question, KEYS)),
        mentions,
    )


class FakeWriter:
    """Writes the same verdict always, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[VerdictRequest] = []

    async def write(self, request: VerdictRequest) -> Verdict:
        """The verdict."""
        self.asked.append(request)
        return Verdict("요약", "추천", ("발견",), "gemini", "success")

    async def stream(self, request: VerdictRequest) -> AsyncGenerator[str | Restart | Verdict, None]:
        """The same, in two pieces, of which the first is withdrawn."""
        yield "요"
        yield Restart()
        yield "요약"
        yield await self.write(request)


class OneProduct:
    """A source of reviews with one product. `meanwhile`: what happens while it is read, one thing a time."""

    def __init__(self, product_id: str = "") -> None:
        self._only = product_id
        self.meanwhile: list[Callable[[], object]] = []

    def corpus(self, product_id: str) -> Corpus:
        """The product; where it was named, NotFound for any other."""
        if self._only and product_id != self._only:
            raise NotFound(product_id)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return corpus()
