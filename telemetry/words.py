"""Texts that every reader takes: neither the text formats nor protobuf take every string of Python."""

from __future__ import annotations

import logging

MOST_SAID = 1_000
_log = logging.getLogger("telemetry")
_said: set[str] = set()


def printable(text: str) -> str:
    """The text with its lone surrogates and NULs written out, as `\\udc80` and `\\x00`.

    UTF-8 has no surrogates, and to Prometheus a NUL is the end of the page. Written out, texts that differ
    still do.
    """
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    if text.isascii():
        return text
    return text.encode(errors="backslashreplace").decode()


def say_once(message: str, *values: object, level: int = logging.WARNING) -> None:
    """Log it, unless this has been said in this process."""
    said = message % values
    if said not in _said and len(_said) < MOST_SAID:
        _said.add(said)
        _log.log(level, "%s", said)
