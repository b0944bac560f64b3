"""The API as a client sees it: every request goes through here, and into the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from app.demo.ledger import ShopperLedger
from telemetry.builtin import UNMATCHED
from telemetry.secrets import cleaned

PRODUCTS = "/api/products"
PRODUCT = "/api/products/{product_id}"
SESSIONS = "/api/sessions"
SESSION = "/api/sessions/{session_id}"
TURNS = "/api/sessions/{session_id}/turns"
TOO_MANY = 429
MOST_WAITS = 10  # of a minute at most each
ENDPOINTS = (PRODUCTS, PRODUCT, SESSIONS, SESSION, TURNS, UNMATCHED)


class GoneWrongError(Exception):
    """What the script expected did not happen. The ledger has it already."""


class Shop:
    """A client that keeps account. `endpoint` is always the route template."""

    def __init__(self, http: httpx.AsyncClient, ledger: ShopperLedger) -> None:
        self._http = http
        self.ledger = ledger

    async def ask(
        self,
        method: str,
        endpoint: str,
        path: Mapping[str, str] | None = None,
        *,
        url: str = "",
        **request: Any,
    ) -> httpx.Response:
        """Any answer. After 429 it waits as told and asks again.

        GoneWrongError without an answer. `url`: a path that fits no template.
        """
        url = url or endpoint.format(**{name: quote(value, safe="") for name, value in (path or {}).items()})
        for _ in range(MOST_WAITS):
            response = await self._once(method, endpoint, url, **request)
            if response.status_code != TOO_MANY:
                break
            await asyncio.sleep(float(response.headers.get("retry-after", 1)))
        return response

    async def _once(self, method: str, endpoint: str, url: str, **request: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, url, **request)
        except httpx.HTTPError as error:
            self.ledger.failed(f"{method} {endpoint}: {type(error).__name__} {cleaned(str(error))}".rstrip())
            raise GoneWrongError from error
        self.ledger.request(method, endpoint, response.status_code)
        return response

    async def expect(
        self,
        status: int,
        method: str,
        endpoint: str,
        path: Mapping[str, str] | None = None,
        *,
        url: str = "",
        **request: Any,
    ) -> Any:
        """The JSON of an answer with this status (None where it is empty). GoneWrongError with any other."""
        return self.check(status, await self.ask(method, endpoint, path, url=url, **request), endpoint)

    def check(self, status: int, response: httpx.Response, endpoint: str) -> Any:
        """The JSON of an answer that must have this status."""
        if response.status_code != status:
            asked = f"{response.request.method} {endpoint}"
            self.ledger.failed(
                f"{asked} answered {response.status_code}, expected {status}: {response.text[:200]}"
            )
            raise GoneWrongError
        return response.json() if response.content else None
