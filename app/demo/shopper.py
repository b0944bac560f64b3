"""A shopper: looks around, begins a dialogue, answers in Korean, stays or leaves. Chance is seeded."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from app.demo.shop import PRODUCT, PRODUCTS, SESSION, SESSIONS, TURNS, Shop

FREE_TEXT_SHARE = 0.3
LOOK_SECONDS = 0.05

PHRASES = (
    "{factor} 쪽이 제일 걱정이에요.",
    "{factor} 때문에 후회했다는 글을 봐서 망설여져요.",
    "솔직히 {factor} 문제만 없으면 바로 살 것 같아요.",
    "{factor}, 실제로 써 보신 분들은 어땠는지 궁금해요.",
    "예전에 쓰던 제품도 {factor} 때문에 바꿨어요.",
    "매일 쓸 거라 {factor} 부분은 꼭 확인하고 싶어요.",
    "잘 모르겠어요. 보통 사람들은 뭘 가장 아쉬워하나요?",
    "가격만큼 오래 쓸 수 있을지가 중요해요.",
)


class Shopper:
    """One person, from the first page to the end. What they do is recorded in the shop's ledger."""

    def __init__(self, shop: Shop, chance: Random) -> None:
        self.shop = shop
        self.chance = chance
        self.product: dict[str, Any] = {}
        self.factors: list[str] = []
        self.visit_id: str | None = None
        self.question: dict[str, Any] | None = None
        self.session_id = ""
        self.turn = 0

    @property
    def category(self) -> str:
        """The category of the chosen product."""
        return str(self.product["category"])

    async def browse(self) -> None:
        """See all products and settle on one."""
        products = await self.shop.expect(200, "GET", PRODUCTS)
        self.product = self.chance.choice(products)

    async def open_page(self) -> None:
        """Open the page of a product."""
        await self.browse()
        page = await self.shop.expect(200, "GET", PRODUCT, {"product_id": self.product["product_id"]})
        self.visit_id = page["visit_id"]
        self.factors = [factor["display_name"] for factor in page["factors"]]
        self.shop.ledger.page_seen(self.category)

    async def begin(self) -> None:
        """Open a product's page and begin the dialogue."""
        await self.open_page()
        wanted = {"product_id": self.product["product_id"], "visit_id": self.visit_id}
        begun = await self.shop.expect(201, "POST", SESSIONS, json=wanted)
        self.session_id, self.question = begun["session_id"], begun["question"]
        self.shop.ledger.started(self.category, self.product["review_count"], seen_before=True)

    async def answer(self) -> bool:
        """Answer the open question. True: it was the last answer, and the verdict is complete."""
        step = await self.shop.expect(200, "POST", TURNS, self._path, json=self.words())
        return self._took(step)

    async def answer_and_slip_away(self) -> bool:
        """Answer, and leave should a verdict be under way. True: the dialogue is over, one way or other."""
        posted = asyncio.create_task(self.shop.ask("POST", TURNS, self._path, json=self.words()))
        try:
            await self._leave_before_the_end_of(posted)
            response = await posted
        finally:
            posted.cancel()
        # A verdict for someone who has left has nowhere to go: the API answers with a conflict.
        if response.status_code != 409:
            return self._took(self.shop.check(200, response, TURNS))
        self.shop.ledger.answered(self.category, self.turn + 1, last=True)
        self.shop.ledger.left("dialogue_complete")
        return True

    async def _leave_before_the_end_of(self, posted: asyncio.Task[Any]) -> None:
        while not posted.done():
            state = await self.shop.expect(200, "GET", SESSION, self._path)
            if (state["status"], state["stage"]) == ("live", "dialogue_complete"):
                await self._close_browser()
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def leave(self) -> None:
        """Close the browser amid the dialogue."""
        await self._close_browser()
        self.shop.ledger.left("dialogue_active" if self.turn else "dialogue_start")

    def words(self) -> dict[str, str]:
        """The answer to the open question: one of its choices, or free words."""
        question = self.question or {}
        choices = question.get("choices", [])
        free = not choices or self.chance.random() < FREE_TEXT_SHARE
        text = self._free_words() if free else self.chance.choice(choices)
        return {"answer": text, "question_id": question["question_id"]} if question else {"answer": text}

    def _free_words(self) -> str:
        factor = self.chance.choice(self.factors or ["품질"])
        return self.chance.choice(PHRASES).format(factor=factor)

    def _took(self, step: dict[str, Any]) -> bool:
        self.turn, self.question = step["turn"], step["question"]
        last = bool(step["is_final"])
        self.shop.ledger.answered(self.category, self.turn, last=last)
        if last:
            self.shop.ledger.delivered(
                self.category, step["analysis"]["provider"], step["analysis"]["status"]
            )
        return last

    async def _close_browser(self) -> None:
        await self.shop.expect(204, "DELETE", SESSION, self._path, params={"reason": "browser_close"})

    @property
    def _path(self) -> dict[str, str]:
        return {"session_id": self.session_id}
