"""The head of a request in a span: the attributes that it starts with, and how propagators read it.

Names and values are opentelemetry-instrumentation-fastapi's; tests/pipeline/test_spans_equal.py compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter, TextMapPropagator
from opentelemetry.util.http import (
    PARAMS_TO_REDACT,
    detect_synthetic_user_agent,
    redact_url,
    sanitize_method,
)
from opentelemetry.util.types import AttributeValue
from starlette.types import Scope

from telemetry.builtin import METHODS

_METHODS = frozenset(METHODS)
_OF_URLS = ("http.target", "http.url", "url.full", "url.path", "url.query")
# To look for credentials and signatures in a URL it is parsed, which is dear; most have none of these.
_MAYBE_SECRET = re.compile("|".join(map(re.escape, ("@", "%", *PARAMS_TO_REDACT))))


class Headers(Getter[Scope]):
    """The headers of one request, as propagators read them."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers = headers

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether one of the names, which are in small letters, is there."""
        for name, _ in self._headers:  # noqa: SIM110 - any() takes twice as long
            if name.lower() in names:
                return True
        return False

    def get(self, carrier: Scope, key: str) -> list[str] | None:
        """Every value of a header, in the order in which they came."""
        name = key.lower().encode()
        return [_text(value) for other, value in self._headers if other.lower() == name] or None

    def keys(self, carrier: Scope) -> list[str]:
        """The names of all headers."""
        return [_text(name) for name, _ in self._headers]


class Arriving:
    """The context that a request brings along, which most do not. What propagators read is learnt once, from
    what they ask of a request without headers; one that has none of it brings what that one brought."""

    def __init__(self) -> None:
        self._by: TextMapPropagator | None = None
        self._read: frozenset[bytes] = frozenset()
        self._nothing: Context | None = None

    def of(self, scope: Scope, headers: Headers, around: Context) -> Context:
        """As propagate.extract(). `around` is the current context, which a propagator may start from."""
        by = propagate.get_global_textmap()
        if around:
            return by.extract(scope, getter=headers)
        if by is not self._by:
            self._learn(by)
        if self._nothing is None or headers.has_any(self._read):
            return by.extract(scope, getter=headers)
        return self._nothing

    def _learn(self, by: TextMapPropagator) -> None:
        asked = _Asked()
        try:
            nothing = by.extract(asked, getter=asked)
        except Exception:  # it does not use the getter
            nothing = None
        self._nothing = None if asked.for_all else nothing
        self._read, self._by = frozenset(asked.names), by


class _Asked(Getter[Any]):
    """Has nothing, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.for_all = False

    def get(self, carrier: Any, key: str) -> None:
        self.names.add(key.lower().encode())

    def keys(self, carrier: Any) -> list[str]:
        self.for_all = True
        return []


def _text(raw: bytes) -> str:
    for encoding in ("utf-8", "unicode_escape"):
        try:
            return raw.decode(encoding)
        except ValueError:
            continue
    return raw.decode("latin-1")


class StartAttributes(Mapping[str, AttributeValue]):
    """What a span starts with, worked out when it is first looked at: a sampler that drops without looking,
    as the SDK's own do, costs nothing, and one that looks finds all there is."""

    __slots__ = ("_conceal", "_headers", "_made", "_route", "_scope")

    def __init__(
        self, scope: Scope, headers: Headers, route: str | None, conceal: Callable[[str], str] | None = None
    ) -> None:
        self._scope, self._headers, self._route, self._conceal = scope, headers, route, conceal
        self._made: dict[str, AttributeValue] | None = None

    def _all(self) -> dict[str, AttributeValue]:
        if self._made is None:
            made = _attributes(self._scope, self._headers, self._route)
            self._made = made | concealed(made, self._conceal) if self._conceal else made
        return self._made

    def __getitem__(self, key: str) -> AttributeValue:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[str, AttributeValue]:
        """As of a dict, which is quicker than what Mapping makes of the above."""
        return self._all().items()


def concealed(
    attributes: Mapping[str, AttributeValue], conceal: Callable[[str], str]
) -> dict[str, AttributeValue]:
    """The attributes of a URL, by the old names and the new ones, as `conceal` gives them back."""
    return {key: conceal(str(attributes[key])) for key in _OF_URLS if key in attributes}


def method(raw: str) -> str:
    """The method, or _OTHER where nobody knows it, as everywhere in the standard."""
    return raw if raw in _METHODS else sanitize_method(raw)


def url(scope: Scope, hosts: list[str] | None) -> str:
    """The URL without its query, as patterns of excluded ones are held against. `hosts`: Host headers."""
    host = hosts[0] if hosts else _server(scope)[1]
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('path', '')}"


def _server(scope: Scope) -> tuple[Any, str]:
    name, port = scope.get("server") or ("0.0.0.0", 80)  # noqa: S104 - a name, nothing listens there
    return port, name if str(port) == "80" else f"{name}:{port}"


def _attributes(scope: Scope, headers: Headers, route: str | None) -> dict[str, AttributeValue]:
    port, server = _server(scope)
    hosts = headers.get(scope, "host")
    agent = (headers.get(scope, "user-agent") or ("",))[0]
    client, client_port = scope.get("client") or (None, None)
    raw_method = scope.get("method", "")
    attributes = {
        "http.scheme": scope.get("scheme"),
        "http.host": server,
        "net.host.port": port and int(port),
        "http.flavor": scope.get("http_version"),
        "http.target": scope.get("path"),
        "http.url": _with_query(url(scope, hosts), scope.get("query_string")),
        "http.method": raw_method and method(raw_method).strip(),
        "http.server_name": ",".join(hosts or ()),
        "http.user_agent": agent,
        "user_agent.synthetic.type": detect_synthetic_user_agent(agent),
        "net.peer.ip": client,
        "net.peer.port": client_port and int(client_port),
        "http.route": route,
    }
    # A Host header may be empty, and is an attribute then.
    return {key: value for key, value in attributes.items() if value or (hosts and key == "http.server_name")}


def _with_query(whole: str, query: bytes | None) -> str:
    if query:
        whole += "?" + unquote(query.decode("utf-8", "replace"))
    return redact_url(whole) if _MAYBE_SECRET.search(whole) else whole
