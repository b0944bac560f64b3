"""What a series is, written so that any process can read it: its instrument, and its attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

Attributes = Mapping[str, Any]


class What(NamedTuple):
    """An instrument; `bounds` are those of a histogram's buckets, None for a counter."""

    scope: str
    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] | None = None


def key_of(what: What, attributes: Attributes) -> bytes:
    """One series. Equal for equal attributes, in whatever order they were given."""
    return json.dumps([*what, sorted(attributes.items())], ensure_ascii=False).encode()


def parse(key: bytes) -> tuple[What, dict[str, Any]]:
    """The series of a key. Raises ValueError where it is none."""
    scope, name, unit, description, bounds, attributes = json.loads(key)
    kept = None if bounds is None else tuple(bounds)
    return What(scope, name, unit, description, kept), dict(attributes)
