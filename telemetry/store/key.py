"""A series' key, readable for any process: a line for its instrument, a line for its attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Attributes = Mapping[str, Any]


class InstrumentKey(NamedTuple):
    """An instrument; `bounds` are those of a histogram's buckets, None for a counter."""

    scope: str
    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] | None = None

    @classmethod
    def of(cls, head: bytes) -> InstrumentKey:
        """The instrument of the keys that begin so."""
        return _what(head)

    @property
    def metric(self) -> tuple[str, str, str, bool]:
        """Its presentation: a release may change the words and the buckets of a metric that continues."""
        return self.scope, self.name, self.unit, self.bounds is None

    @property
    def places(self) -> int:
        """How many buckets each of its series has; a counter has one."""
        return len(self.bounds or ()) + 1

    @property
    def length(self) -> int:
        """How many numbers each of its series has."""
        return 1 if self.bounds is None else self.places + 1


def scope_of(scope: InstrumentationScope) -> str:
    """A meter, with all that distinguishes it from others of its name."""
    return scope.to_json(indent=None)


def scope_from(text: str) -> InstrumentationScope:
    """The meter of a `InstrumentKey`."""
    return InstrumentationScope(**json.loads(text))


def key_of(what: InstrumentKey, attributes: Attributes) -> bytes:
    """The key of one series. Equal for equal attributes, in any order."""
    return _head(what) + b"\n" + text_of(attributes)


def text_of(attributes: Attributes) -> bytes:
    """Attributes as the key has them. As with the SDK, 1, 1.0 and True are three values."""
    text = json.dumps(attributes, sort_keys=True, ensure_ascii=False, default=str)
    return text.encode(errors="surrogatepass")


def attributes_of(text: bytes) -> dict[str, Any]:
    """The attributes of a key."""
    attributes: dict[str, Any] = json.loads(text)
    return attributes


def head_of(key: bytes) -> bytes:
    """The common head of one instrument's keys."""
    return key.partition(b"\n")[0]


def parse(key: bytes) -> tuple[InstrumentKey, bytes]:
    """The instrument of a key, and its attributes as they stand there."""
    head, _, attributes = key.partition(b"\n")
    return _what(head), attributes


def check(key: bytes, numbers: Sequence[float]) -> None:
    """Raise ValueError where this is no series, or not its numbers."""
    what, attributes = parse(key)
    if len(numbers) != what.length or min(numbers) < 0 or not sum(numbers) < math.inf:
        raise ValueError(f"{numbers} are not the numbers of {what.name}")
    if not _are_attributes(attributes):
        raise ValueError(f"{attributes!r} are no attributes")


@lru_cache(16_384)
def _are_attributes(text: bytes) -> bool:
    return isinstance(attributes_of(text), dict)


@lru_cache(4096)
def _head(what: InstrumentKey) -> bytes:
    return json.dumps(what, ensure_ascii=False).encode(errors="surrogatepass")


@lru_cache(4096)
def _what(head: bytes) -> InstrumentKey:
    try:
        scope, name, unit, description, bounds = json.loads(head)
        scope_from(scope)
        return InstrumentKey(
            scope, name, unit, description, None if bounds is None else tuple(map(float, bounds))
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(f"{head!r} is no instrument: {error}") from None
