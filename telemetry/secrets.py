"""Addresses as messages and logs may show them."""

from __future__ import annotations

import re

HIDDEN = "..."
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:/]*)(:\d+)?(/[^:]*)?")
_TOKEN = re.compile(r"(?=[^/]*\d)[^/]{12,}|[^/]{24,}")


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment, and without parts of its path that may be tokens:
    12 signs or more with a digit, or 24; a socket's path is a file. What cannot be told apart is dots."""
    scheme = _SCHEME.match(url)
    before, _, place = url[scheme.end() if scheme else 0 :].rpartition("@")
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    shown = place if "?" not in before and _PLACE.fullmatch(place) else HIDDEN
    host, slash, path = shown.partition("/")
    if not scheme or scheme[0].lower() != "unix://":
        path = _TOKEN.sub(HIDDEN, path)
    return f"{scheme[0] if scheme else ''}{host}{slash}{path}"
