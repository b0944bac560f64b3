"""Who may ask: hosts and origins, as browsers, proxies and attackers name them."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from telemetry.look.policy import HEADERS, Policy
from telemetry.look.refusals import answer

LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    await answer({"status": "success"})(scope, receive, send)


def status(headers: dict[str, str], path: str = "/api/boards", method: str = "GET") -> int:
    client = TestClient(Policy(inner, ["boards.example.com"], "/"))
    response = client.request(method, path, headers={"host": "localhost:3002", **headers})
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    return response.status_code


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:3002", "127.0.0.1:9", "[::1]:3002", "10.1.2.3", "LOCALHOST:3002",
     "a.localhost:1", "boards.example.com", "boards.example.com:8443"],
)  # fmt: skip
def test_addresses_and_known_names_are_hosts(host: str) -> None:
    """No name that somebody else owns can stand for an address."""
    assert status({"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "boards.example.com.evil.example", "localhost.evil.example", "evil.example:3002",
     "127.0.0.1.nip.io", "localhost@evil.example", "evil.example/localhost", "localhost:0", "localhost:x",
     "[::1", "127.1", "0x7f000001"],
)  # fmt: skip
def test_any_other_host_is_refused(host: str) -> None:
    """DNS rebinding: a page of evil.example whose name now points here asks with its own name."""
    assert status({"host": host}) == 403


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"origin": "http://localhost:3002"}, 200),
        ({"origin": "https://localhost:3002"}, 200),
        ({"origin": "https://boards.example.com"}, 200),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://localhost"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://boards.example.com@evil.example"}, 403),
        ({"origin": "file://localhost:3002"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        (LINK, 403),
    ],
)
def test_pages_of_other_origins_are_refused(headers: dict[str, str], expected: int) -> None:
    """Also on this very machine, at another port."""
    assert status(headers) == expected


def test_a_link_leads_to_the_page_from_anywhere() -> None:
    """An address that somebody sends opens; nothing but the page does, and no form is sent."""
    assert status(LINK, "/") == 200
    assert status(LINK, "/", "POST") == 403
    assert status({**LINK, "sec-fetch-dest": "iframe"}, "/") == 403
    assert status({**LINK, "sec-fetch-mode": "no-cors"}, "/") == 403
