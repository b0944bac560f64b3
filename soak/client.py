"""The API through a client that keeps account of each request, and asks again while the disk is full."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app.demo.ledger import ShopperLedger, series
from app.demo.shop import GoneWrongError, Shop
from soak.account import Account

AGAIN_SECONDS = 0.3
ANSWER_SECONDS = 60.0
# Below uvicorn's 5 s: the server closes no connection right before its use.
KEEP_SECONDS = 2.0
EVENTS = {"accept": "text/event-stream"}
UNAVAILABLE = series("errors_total", error_type="unavailable", component="api")


class AccountedClient(httpx.AsyncClient):
    """An HTTP client whose requests are all in the account."""

    def __init__(self, url: str, account: Account) -> None:
        limits = httpx.Limits(keepalive_expiry=KEEP_SECONDS)
        super().__init__(base_url=url, timeout=ANSWER_SECONDS, trust_env=False, limits=limits)
        self.account = account

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        """Send, and record the result. Of a stream only a failure: its reader records the rest."""
        what, begun = f"{request.method} {request.url.path[:60]}", self.account.sends()
        try:
            response = await super().send(request, **how)
        except BaseException as error:
            self.account.breaks(begun, f"{what}: {type(error).__name__} {error}".rstrip())
            raise
        response.extensions["soak.begun"] = begun
        if not how.get("stream"):
            self.account.answers(begun, what, response.status_code)
        return response

    @asynccontextmanager
    async def reading(self, method: str, url: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """A response whose body is read in the block. Leaving the block early leaves the answer."""
        async with self.stream(method, url, **request) as response:
            what, begun = f"{method} {url[:60]}", response.extensions["soak.begun"]
            try:
                yield response
            except BaseException as error:
                self.account.breaks(begun, f"{what}: {type(error).__name__} {error}".rstrip())
                raise
            if response.is_closed:  # by the reader of its end
                self.account.answers(begun, what, response.status_code)
            else:
                self.account.leaves(begun, what)


class PatientShop(Shop):
    """The demo's shop. A 503 is written down and asked again, until the run is over."""

    def __init__(self, http: AccountedClient, ledger: ShopperLedger, over: Callable[[], bool]) -> None:
        super().__init__(http, ledger)
        self.http, self._over = http, over

    async def ask(
        self,
        method: str,
        endpoint: str,
        path: Mapping[str, str] | None = None,
        *,
        url: str = "",
        **request: Any,
    ) -> httpx.Response:
        """See Shop."""
        while True:
            response = await super().ask(method, endpoint, path, url=url, **request)
            if response.status_code != 503 or self._over():
                return response
            await asyncio.sleep(AGAIN_SECONDS)

    def check(self, status: int, response: httpx.Response, endpoint: str) -> Any:
        """See Shop; unexpected answers are in the account, too."""
        if response.status_code not in (status, 503):
            asked = f"{response.request.method} {endpoint}"
            self.http.account.surprises(
                f"{asked} answered {response.status_code}, expected {status}: {response.text[:200]}"
            )
        return super().check(status, response, endpoint)

    async def streamed(
        self, endpoint: str, path: Mapping[str, str], words: Mapping[str, str], leave: bool
    ) -> dict[str, Any] | None:
        """The result of an answer with a streamed verdict. None: the client left at the first words."""
        while not self._over():
            try:
                async with self.http.reading(
                    "POST", endpoint.format(**path), json=words, headers=EVENTS
                ) as response:
                    event, data = await _last_event(response, leave and response.status_code == 200)
            except httpx.HTTPError as error:
                self.ledger.failed(f"POST {endpoint}: {type(error).__name__} {error}".rstrip())
                raise GoneWrongError from error
            self.ledger.request("POST", endpoint, response.status_code)
            if event == "delta":
                return None
            if event == "result":
                result: dict[str, Any] = json.loads(data)
                return result
            if event == "error":  # the head was out, then the store failed
                self.ledger.counts[UNAVAILABLE] += 1
            elif response.status_code != 503:
                self.http.account.surprises(f"POST {endpoint} streamed {response.status_code}: {data[:200]}")
                raise GoneWrongError
            await asyncio.sleep(AGAIN_SECONDS)
        raise GoneWrongError


async def _last_event(response: httpx.Response, leave: bool) -> tuple[str, str]:
    """Name and data of the last event, or of the first words of a verdict to `leave`; "" and the body where
    there are no events."""
    name, data, lines = "", "", []
    async for line in response.aiter_lines():
        lines.append(line)
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data = line[6:]
            if leave and name == "delta":
                return name, data
    return name, data if name else "\n".join(lines)
