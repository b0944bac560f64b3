"""A script of requests, one after the other, that gives the same numbers each time it is played."""

from __future__ import annotations

import httpx

from app.llm.simulator.testing import RunningSimulator

ANSWERS = ("네, 그 점이 가장 걱정돼요", "소음이 신경 쓰여요", "매일 써요", "잘 모르겠어요", "가격도 중요해요")


def begin(shopper: httpx.Client, product: str) -> str:
    """Look at a product, begin a dialogue about it; answers the session's id."""
    visit = shopper.get(f"/api/products/{product}").raise_for_status().json()["visit_id"]
    wanted = {"product_id": product, "visit_id": visit}
    session: str = shopper.post("/api/sessions", json=wanted).raise_for_status().json()["session_id"]
    return session


def answer(shopper: httpx.Client, session: str, words: str) -> bool:
    """Give one answer; whether it was the last."""
    turn = shopper.post(f"/api/sessions/{session}/turns", json={"answer": words})
    return bool(turn.raise_for_status().json()["is_final"])


def dialogue(shopper: httpx.Client, product: str) -> None:
    """From the product to the verdict."""
    session = begin(shopper, product)
    assert any(answer(shopper, session, words) for words in ANSWERS), "five answers brought no verdict"


def leave(shopper: httpx.Client, product: str) -> None:
    """Begin and walk away."""
    shopper.delete(f"/api/sessions/{begin(shopper, product)}", params={"reason": "browser_close"})


def play(shopper: httpx.Client, simulator: RunningSimulator) -> str:
    """Verdicts by each provider and by none, walks away, wrong requests, odd labels; answers a session that
    goes on."""
    simulator.reset()
    for product in ("robot_cleaner", "chair"):
        dialogue(shopper, product)
    for failing in (("gemini",), ("gemini", "openai"), ("gemini", "openai", "claude")):
        simulator.fail(*failing, outcome="server")
        dialogue(shopper, "appliance")
    simulator.reset()
    leave(shopper, "chair")
    shopper.get("/api/products/nothing")
    shopper.post("/api/sessions", json={})
    shopper.get("/nowhere")
    shopper.options("/api/products")
    shopper.post("/everything").raise_for_status()
    session = begin(shopper, "robot_cleaner")
    answer(shopper, session, ANSWERS[0])
    shopper.post("/last").raise_for_status()
    return session
