"""Answers over HTTP, read within limits of size and time."""

from __future__ import annotations

import time
import zlib
from typing import Any

from requests import RequestException
from urllib3.exceptions import HTTPError, ReadTimeoutError

_PIECE = 1 << 16
_EITHER = zlib.MAX_WBITS + 32  # gzip or zlib


class AnswerError(RequestException):
    """An answer that is of no use; its words say why."""


def read(response: Any, most: int, deadline: float) -> bytes:
    """An answer's body, of `most` bytes. AnswerError for one that is too long, too late, or broken."""
    pieces, length = [], 0
    while piece := _piece(response):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise _too_long(most)
        if time.monotonic() > deadline:
            raise AnswerError("the answer does not end in time")
    body = b"".join(pieces)
    return _unpacked(body, most) if response.headers.get("Content-Encoding") else body


def _piece(response: Any) -> bytes:
    try:
        piece: bytes = response.raw.read1(_PIECE, decode_content=False)
    except ReadTimeoutError:
        raise AnswerError("the answer does not end in time") from None
    except (HTTPError, OSError):
        raise AnswerError("the answer breaks off") from None
    return piece


def _unpacked(body: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(_EITHER)
    try:
        unpacked = unpacking.decompress(body, most)
    except zlib.error as error:
        raise AnswerError("the answer cannot be unpacked") from error
    if unpacking.unconsumed_tail:
        raise _too_long(most)
    return unpacked


def _too_long(most: int) -> AnswerError:
    return AnswerError(f"the answer has more than {most} bytes")
