"""What messages and logs may show of addresses, settings and other people's words."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

HIDDEN = "..."
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:/]*)(:\d+)?(/[^:]*)?")
_RUN = re.compile(rf"{re.escape(HIDDEN)}(/{re.escape(HIDDEN)})+")
# Parts of paths that a standard, a usual backend or this project gives, and the number of a database.
_KNOWN = frozenset(
    [
        "-",
        "api",
        "docs",
        "health",
        "healthz",
        "insert",
        "internal",
        "metrics",
        "opentelemetry",
        "otlp",
        "prometheus",
        "push",
        "query",
        "ready",
        "readyz",
        "telemetry",
        "trace",
        "traces",
        "v1",
        "v2",
        "write",
    ]
)
_NUMBER = re.compile(r"\d{0,2}")
_PARTS = re.compile(r"[/@:?#&=]+")
_MAYBE_ADDRESS = re.compile(r"^//|:/|:\d+/|[@?#]")
# Words that may be an address, in a sentence: a URL, what has an @, a path with a query; of requests a path.
_SIGN = r"[^\s'\"<>()]"
_IN_WORDS = re.compile(
    rf"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//{_SIGN}+|{_SIGN}*@{_SIGN}*|/{_SIGN}*\?{_SIGN}*|(?<=url: ){_SIGN}+"
)
_SHORTEST = 6  # signs; a shorter part of a secret may be any word


def without_secrets(url: str, *ours: str) -> str:
    """A URL's scheme, host and port, and what is well known or `ours` of its path; all else is dots.

    User, password, query and fragment are left out. A socket's path is a file.
    """
    scheme = _SCHEME.match(url)
    before, _, place = url[scheme.end() if scheme else 0 :].rpartition("@")
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    shown = place if "?" not in before and _PLACE.fullmatch(place) else HIDDEN
    host, slash, path = shown.partition("/")
    if not scheme or scheme[0].lower() != "unix://":
        path = _path(path, _KNOWN.union(ours))
    return f"{scheme[0] if scheme else ''}{host}{slash}{path}"


def _path(path: str, known: frozenset[str]) -> str:
    parts = (part if part in known or _NUMBER.fullmatch(part) else HIDDEN for part in path.split("/"))
    return _RUN.sub(HIDDEN, "/".join(parts))


def shown(value: Any) -> Any:
    """A setting's value; where it may be an address, without its secrets."""
    is_address = isinstance(value, str) and _MAYBE_ADDRESS.search(value)
    return without_secrets(value) if is_address else value


def hidden_in(url: str) -> set[str]:
    """What `without_secrets` leaves out of a URL, in the forms in which its server may repeat it."""
    user = url.partition("://")[2].rpartition("@")[0]
    parts = {user, *_PARTS.split(url)} - set(_PARTS.split(without_secrets(url)))
    plain = {unquote(part) for part in parts}
    return (parts | plain | {base64.b64encode(unquote(user).encode()).decode()}) - {""}


def cleaned(words: str, secrets: Iterable[str] = ()) -> str:
    """What somebody else says, an exception or an answer: its addresses, and these secrets, are not shown."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            words = words.replace(secret, HIDDEN)
    return _IN_WORDS.sub(_in_words, words)


def _in_words(found: re.Match[str]) -> str:
    """An address in a sentence, whose signs after it are not its own."""
    address = found[0].rstrip(".,:;!?")
    return without_secrets(address) + found[0][len(address) :]
