"""Why nothing usable came back from an address, in a few words without a class name or an object's."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from requests import exceptions as of_requests
from urllib3 import exceptions as of_urllib3

from telemetry.push.limited import AnswerError

_REFUSED = "connection refused"
_NO_URL = (of_requests.InvalidURL, of_requests.InvalidSchema, of_requests.MissingSchema)
_LATE = (TimeoutError, of_requests.Timeout, of_urllib3.TimeoutError)
_CUT = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    of_urllib3.ProtocolError,
    HTTPException,
)
# The first that is found among an error and its causes says it.
_WORDS: tuple[tuple[Any, str], ...] = (
    (_NO_URL, "it is no address with http:// or https://"),
    (ConnectionRefusedError, _REFUSED),
    (socket.gaierror, "the host's name has no address"),
    (ssl.SSLError, ""),
    (_LATE, "no answer in time"),
    (_CUT, "the connection ended without an answer"),
)


def in_words(error: BaseException) -> str:
    """The reason of a failed request. What is not known says its kind and its own words."""
    if isinstance(error, AnswerError):
        return str(error)
    if hasattr(error, "code") and hasattr(error, "details"):
        return _of_grpc(error.code().name, error.details() or "")
    chain = list(_chain(error))
    for kind, words in _WORDS:
        for cause in chain:
            if isinstance(cause, kind):
                by = "the proxy: " if any(isinstance(one, of_requests.ProxyError) for one in chain) else ""
                return by + (words or _of_tls(cause))
    last = next((one for one in reversed(chain) if isinstance(one, OSError) and one.strerror), None)
    if last:
        return str(last.strerror).lower()
    return f"{type(error).__name__}: {error}"


def _of_grpc(status: str, details: str) -> str:
    """gRPC may not be installed; it says all of what it has tried, the last at the end."""
    refused = status == "UNAVAILABLE" and "connection refused" in details.lower()
    return _REFUSED if refused else f"{status}: {details.rpartition('last error: ')[2]}"


def _of_tls(cause: ssl.SSLError) -> str:
    said = getattr(cause, "verify_message", "") or (cause.reason or str(cause)).replace("_", " ").lower()
    return f"no TLS connection: {said}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it comes from; urllib3 and requests keep that in `reason` and in their arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            found = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
            waiting += [each for each in found if isinstance(each, BaseException)]
