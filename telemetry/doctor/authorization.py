"""What is wrong with the headers of a push, said without showing them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

MEND = "Authorization=Basic%20$(printf '%s' 'USER:TOKEN' | base64 -w0)"

_NAME_AND_COLON = re.compile(r"\s*[\w-]+\s*:")


def unreadable(text: str) -> str:
    """Why a value of OTEL_EXPORTER_OTLP_HEADERS cannot be read."""
    for number, pair in enumerate(text.split(","), 1):
        where = f"pair {number} of {len(text.split(','))}"
        if any(character in pair for character in "\r\n"):
            return f"{where} has a line break; base64 wraps at 76 characters unless told -w0"
        if not pair.strip():
            continue
        if _NAME_AND_COLON.match(pair):
            return f"{where} is written name: value; expected name=value"
        if "=" not in pair:
            return f"{where} has no ="
        if '"' in pair or "'" in pair:
            return f"{where} has quotation marks; the value goes without"
        if ";" in pair or "\\" in pair:
            return f"{where} has a character that must be percent-encoded (; is %3B)"
    return "a pair has characters that must be percent-encoded"


def problems(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What cannot be right in the authorization header, whatever the backend."""
    value = dict(headers).get("authorization")
    if value is None:
        return
    scheme, _, secret = value.partition(" ")
    if "%20" in value:
        yield "it has %20 in it after decoding: it was encoded twice (%2520)"
    elif not secret:
        yield (
            "it is base64 of user:token without the word Basic before it"
            if _decoded(scheme).count(":")
            else "it is one word; expected a scheme and the credentials: Basic ... or Bearer ..."
        )
    elif scheme.lower() == "basic":
        yield from _basic_problems(secret)


def _basic_problems(secret: str) -> Iterator[str]:
    decoded = _decoded(secret)
    user, colon, token = decoded.partition(":")
    if not decoded:
        yield "what follows Basic is not base64" + (
            "; it looks like user:token itself, which must be encoded" if ":" in secret else ""
        )
    elif not colon:
        yield "what follows Basic decodes to something without a colon; expected user:token"
    elif not user or not token:
        yield f"what follows Basic decodes to an empty {'token' if user else 'user'}; expected user:token"
    elif decoded != decoded.strip():
        yield "what follows Basic decodes to something that ends in a line break; use printf, not echo"


def _decoded(text: str) -> str:
    """base64 decoded; empty where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def described(headers: Iterable[tuple[str, str]]) -> str:
    """What credentials a push has, without them."""
    given = dict(headers)
    value = given.get("authorization")
    if value is None:
        others = ", ".join(sorted(given))
        return "no authorization header is sent" + (f" (only {others})" if others else "")
    if wrong := next(problems(given.items()), ""):
        return f"the authorization header is malformed: {wrong}"
    scheme = value.partition(" ")[0]
    return (
        f"a well-formed {scheme} header is sent: its user or token is wrong, revoked, or of another backend"
    )
