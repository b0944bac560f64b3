"""The behaviours of shoppers and strangers: the demo's, streams, and the traffic of an open port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from app.demo import behaviours as does
from app.demo.shop import PRODUCT, SESSION, TURNS
from app.demo.shopper import Shopper
from soak.client import PatientShop
from telemetry.builtin import METHODS, UNMATCHED

Behaviour = Callable[["Guest"], Awaitable[None]]

ODD_METHODS = (*(method for method in METHODS if method != "CONNECT"), "BREW", "PROPFIND", "M-SEARCH")
ODD_WORDS = (
    "...",
    "%00",
    "%2e%2e",
    "etc",
    "passwd",
    "가격",
    "'or'1'='1",
    "<script>",
    "~",
    "{template}",
    "🙂",
)
ODD_HOSTS = ("evil.example", "169.254.169.254", "localhost:1", "[::1]", "x" * 200, "")
ODD_AGENTS = (
    "",
    "sqlmap/1.7",
    "Mozilla/5.0 (compatible; Bot/2.1)",
    "\xff\xfe" * 20,
    "() { :; }; echo",
    "a" * 4000,
)
NO_HTTP = (
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /a b c HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /api/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
)


class Guest(Shopper):
    """A shopper of the demo who may have the verdict streamed, and leave it."""

    shop: PatientShop

    async def answer_streamed(self) -> bool:
        """Answer with `Accept: text/event-stream`. True: the last answer, with a complete verdict."""
        step = await self.shop.streamed(TURNS, self._path, self.words(), leave=False)
        assert step is not None  # noqa: S101 - only who leaves has none
        return self._took(step)

    async def answer_and_leave_the_stream(self) -> bool:
        """Answer, and leave at the first words of a verdict. True: the dialogue is over."""
        step = await self.shop.streamed(TURNS, self._path, self.words(), leave=True)
        if step is not None:
            return self._took(step)
        self.shop.ledger.answered(self.category, self.turn + 1, last=True)
        await self._close_browser()
        state = await self.shop.expect(200, "GET", SESSION, self._path)
        if state["status"] == "abandoned":
            self.shop.ledger.left("dialogue_complete")
        else:  # the verdict was written before the service saw that nobody listens
            analysis = state["analysis"]
            self.shop.ledger.delivered(self.category, analysis["provider"], analysis["status"])
        return True


async def completes_streamed(guest: Guest) -> None:
    """Goes through to the verdict, and watches it being written."""
    await guest.begin()
    while not await guest.answer_streamed():
        pass


async def leaves_the_stream(guest: Guest) -> None:
    """Goes at the first words of the verdict."""
    await guest.begin()
    while not await guest.answer_and_leave_the_stream():
        pass


async def comes_with_anything(guest: Guest) -> None:
    """Random paths with any method, host and agent: 404, all of them in few series."""
    chance = guest.chance
    words = [chance.choice((*ODD_WORDS, str(chance.getrandbits(64)))) for _ in range(chance.randint(1, 6))]
    headers = {
        "host": chance.choice(ODD_HOSTS) or "-",
        "user-agent": chance.choice(ODD_AGENTS).encode("latin-1"),
        "x-request-id": f"{chance.getrandbits(128):x}",
        "accept": chance.choice(("*/*", "text/event-stream;q=no", "application/" + "x" * 300)),
    }
    url = "/stranger/" + "/".join(quote(word, safe="%") for word in words)
    await guest.shop.expect(404, chance.choice(ODD_METHODS), UNMATCHED, url=url, headers=headers)


async def tries_ids(guest: Guest) -> None:
    """Ids that no product and no dialogue has: 404 under the routes' templates."""
    chance = guest.chance
    odd = f"{chance.choice(ODD_WORDS).strip('.') or 'x'}-{chance.getrandbits(64):x}"
    await guest.shop.expect(404, "GET", PRODUCT, {"product_id": odd})
    await guest.shop.expect(404, "GET", SESSION, {"session_id": odd})
    await guest.shop.expect(404, "POST", TURNS, {"session_id": odd}, json={"answer": odd})


async def speaks_no_http(guest: Guest) -> None:
    """Bytes other than a request: the server turns them away with 400, and nothing is counted."""
    place = urlsplit(str(guest.shop.http.base_url))
    account = guest.shop.http.account
    try:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(guest.chance.choice(NO_HTTP))
            await writer.drain()
            head = await asyncio.wait_for(reader.read(64), 10)
        finally:
            writer.close()
    except (OSError, asyncio.TimeoutError):
        head = b""
    status = head[9:12].decode("latin-1") if head.startswith(b"HTTP/1.1 ") else "closed"
    account.refuses(status)


SHOPPERS: tuple[tuple[Behaviour, int], ...] = (
    (does.completes, 4),
    (completes_streamed, 4),
    (leaves_the_stream, 2),
    (does.only_looks, 1),
    (does.leaves_at_the_first_question, 1),
    (does.leaves_amid_the_dialogue, 1),
)
STRANGERS: tuple[tuple[Behaviour, int], ...] = (
    (comes_with_anything, 6),
    (tries_ids, 3),
    (speaks_no_http, 1),
    (does.asks_for_what_is_not_there, 1),
    (does.returns_to_a_lost_session, 1),
    (does.sends_nonsense, 1),
    (does.answers_out_of_turn, 1),
    (does.scans, 1),
)
