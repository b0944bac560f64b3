"""Who may ask, and what a browser may do with the answers: hosts, origins, and headers on every answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.look.refusals import RefusedError

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Policy:
    """ASGI middleware. Its refusals are 403.

    A name that is not ours in Host may be one that its owner now points at this machine (DNS rebinding): only
    addresses, localhost and `names` are let in. Other origins are refused even what they could not read, as
    it costs Prometheus work; a link to the page may stand anywhere.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), page: str = "/") -> None:
        self._app, self._names, self._page = app, frozenset(names), page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers; refuse whom we do not know."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            self._check(scope)
        except RefusedError as refusal:
            await refusal.response()(scope, receive, sent)
            return
        await self._app(scope, receive, sent)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise RefusedError(403, "forbidden", "unknown host; --allowed-host lets a name in")
        origin = headers.get("origin")
        if origin is not None and not self._is_same(origin, hosts[0]):
            raise RefusedError(403, "forbidden", "a page of another origin asks")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not self._opens(
            scope, headers
        ):
            raise RefusedError(403, "forbidden", "a page of another site asks")

    def _is_ours(self, host: str) -> bool:
        name = _name(f"//{host}")
        return name in self._names or name == "localhost" or name.endswith(".localhost") or _is_address(name)

    def _is_same(self, origin: str, host: str) -> bool:
        """A proxy in front may have changed the host: then the origin's name is one that is let in."""
        scheme, _, place = origin.partition("://")
        return scheme in ("http", "https") and (place == host or _name(f"//{place}") in self._names)

    def _opens(self, scope: Scope, headers: Headers) -> bool:
        """Whether somebody follows a link to the page."""
        wanted = (scope["method"], headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
        return wanted == ("GET", "navigate", "document") and scope["path"] == self._page


def _name(netloc: str) -> str:
    try:
        parts = urlsplit(netloc)
        plain = parts.username is None and not (parts.path or parts.query or parts.fragment)
        return (parts.hostname or "") if plain and parts.port != 0 else ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
