"""The behaviours of shoppers and others: one function each, for the scenarios to choose from."""

from __future__ import annotations

from app.demo.shop import PRODUCT, SESSION, SESSIONS, TURNS
from app.demo.shopper import Shopper
from telemetry.builtin import UNMATCHED

SCANNED = (
    "/wp-login.php",
    "/.env",
    "/admin/config.php",
    "/phpmyadmin/index.php",
    "/api/v2/users/{number}",
    "/backup-{number}.zip",
    "/cgi-bin/luci/;stok={number}",
)


async def completes(shopper: Shopper) -> None:
    """Goes through to the verdict."""
    await shopper.begin()
    while not await shopper.answer():
        pass


async def only_looks(shopper: Shopper) -> None:
    """Opens a product's page and is not seen again: counted as abandoned when the visit times out."""
    await shopper.open_page()


async def leaves_at_the_first_question(shopper: Shopper) -> None:
    """Begins, and answers nothing: abandoned at dialogue_start."""
    await shopper.begin()
    await shopper.leave()


async def leaves_amid_the_dialogue(shopper: Shopper) -> None:
    """Answers once or twice: abandoned at dialogue_active."""
    await shopper.begin()
    for _ in range(shopper.chance.randint(1, 2)):
        await shopper.answer()
    await shopper.leave()


async def leaves_before_the_verdict(shopper: Shopper) -> None:
    """Answers everything, and does not wait for the verdict: abandoned at dialogue_complete."""
    await shopper.begin()
    while not await shopper.answer_and_slip_away():
        pass


async def asks_for_what_is_not_there(shopper: Shopper) -> None:
    """Unknown product, page and dialogue alike: 404."""
    number = shopper.chance.randrange(10**6)
    await shopper.shop.expect(404, "GET", PRODUCT, {"product_id": f"no-such-product-{number}"})
    await shopper.shop.expect(404, "POST", SESSIONS, json={"product_id": f"no-such-product-{number}"})


async def returns_to_a_lost_session(shopper: Shopper) -> None:
    """Unknown session, in every request that takes one: 404."""
    path = {"session_id": f"{shopper.chance.getrandbits(128):032x}"}
    await shopper.shop.expect(404, "GET", SESSION, path)
    await shopper.shop.expect(404, "POST", TURNS, path, json={"answer": "소음이 걱정이에요."})
    await shopper.shop.expect(404, "DELETE", SESSION, path)


async def sends_nonsense(shopper: Shopper) -> None:
    """Requests that do not fit their form: 422."""
    path = {"session_id": f"{shopper.chance.getrandbits(128):032x}"}
    await shopper.shop.expect(422, "POST", SESSIONS, json={})
    await shopper.shop.expect(
        422, "POST", SESSIONS, content=b"{", headers={"content-type": "application/json"}
    )
    await shopper.shop.expect(422, "POST", TURNS, path, json={"answer": "  "})
    await shopper.shop.expect(422, "DELETE", SESSION, path, params={"reason": "boredom"})


async def answers_out_of_turn(shopper: Shopper) -> None:
    """Answers one question twice, then a dialogue that has ended: 409."""
    await shopper.begin()
    path, words = {"session_id": shopper.session_id}, shopper.words()
    await shopper.answer()
    await shopper.shop.expect(409, "POST", TURNS, path, json=words)
    await shopper.leave()
    await shopper.shop.expect(409, "POST", TURNS, path, json={"answer": "아직 궁금한 게 있어요."})


async def scans(shopper: Shopper) -> None:
    """Tries paths that scanners try: 404, all of them in one series."""
    for path in SCANNED:
        url = path.format(number=shopper.chance.randrange(10**6))
        await shopper.shop.expect(404, "GET", UNMATCHED, url=url)
