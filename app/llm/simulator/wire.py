"""What a wire protocol is to the simulator, and how its events go over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from app.llm.simulator.answers import SimulatedAnswer, SimulatedRequest

BAD_KEY = "API key not valid. Please pass a valid API key."


class BadRequestError(ValueError):
    """A request that the provider would refuse with 400. States the expectation."""


class Frame(NamedTuple):
    """What goes over the wire at once. `chars`: the characters of the answer's text in it; None: no part of
    an answer, such as an error."""

    data: bytes
    chars: int | None = None


class Wire(Protocol):
    """One provider's protocol, as pure functions from request to answer.

    `error_event`: the name of the event that reports an error within a stream, if the protocol has one.
    """

    provider: str
    error_event: str

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key that the request carries."""

    def asked(self, body: Mapping[str, Any], path: Mapping[str, Any]) -> SimulatedRequest:
        """What the request asks for. BadRequestError if it is not the protocol's."""

    def whole(self, reply: SimulatedAnswer) -> Mapping[str, object]:
        """The body of a complete answer."""

    def events(self, reply: SimulatedAnswer, asked: SimulatedRequest) -> Iterator[Frame]:
        """The frames of a streamed answer."""

    def error(self, status: int, message: str) -> Mapping[str, object]:
        """The body of an answer with an error status."""


def dump(value: object) -> str:
    """JSON as it goes over the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sse(value: object, event: str = "", piece: str = "") -> Frame:
    """One server-sent event with JSON data, which holds a piece of the answer's text."""
    name = f"event: {event}\n" if event else ""
    return Frame(f"{name}data: {dump(value)}\n\n".encode(), len(piece))


def bearer(headers: Mapping[str, str]) -> str | None:
    """The key that a request carries as a bearer token."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def demand(body: Mapping[str, Any], key: str, kind: type) -> Any:
    """The value of a key that the protocol demands. BadRequestError if it is missing or of another type."""
    value = body.get(key)
    if not isinstance(value, kind) or not value:
        raise BadRequestError(f"{key}: expected a {kind.__name__} that is not empty")
    return value


def joined(contents: Iterable[object]) -> str:
    """The prompt from system text and messages: one line each, empty ones left out."""
    text = "\n".join(filter(None, map(_text_of, contents)))
    # JSON may spell lone surrogates, which no answer could quote.
    return text.encode("utf-8", "replace").decode()


def each(items: Iterable[object], key: str) -> Iterator[object]:
    """The values under a key, from every object of a list. BadRequestError if one is no object."""
    for item in items:
        if not isinstance(item, dict):
            raise BadRequestError(f"{key}: expected a list of objects that have it")
        yield item.get(key)


def _text_of(content: object) -> str:
    """The text of a content that is a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))
