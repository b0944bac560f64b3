"""What a receiver answers to a push, read within bounds: whether it took all of it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from telemetry.intime import InTimeSession
from telemetry.settings import Signal

ANSWER_BYTES = 65_536
_PIECE = 8_192
_EITHER = zlib.MAX_WBITS + 32  # gzip or zlib
_ANSWERS: dict[Signal, Callable[[], Any]] = {
    "metrics": ExportMetricsServiceResponse,
    "traces": ExportTraceServiceResponse,
}


class NotTakenError(Exception):
    """A receiver that answers and has not taken a push, or not all of it."""


def check(answer: Any) -> None:
    """Raise NotTakenError with the number of what an OTLP answer says was rejected, and its words."""
    partial = answer.partial_success
    for kind in ("data_points", "spans"):
        if rejected := getattr(partial, f"rejected_{kind}", 0):
            what = kind.replace("_", " ")
            raise NotTakenError(f"{rejected} {what} were rejected: {partial.error_message}")


class CheckedStub:
    """A gRPC stub whose answers are checked. The channel bounds their size, the call their time."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def Export(self, **given: Any) -> Any:  # noqa: N802 - grpc's
        """Push. Raises NotTakenError."""
        answer = self._stub.Export(**given)
        check(answer)
        return answer


class CheckedSession(InTimeSession):
    """A session of requests that reads no more of an answer than an OTLP answer has, and follows no redirect.

    Raises NotTakenError for an answer below 400 that is none of OTLP, or that rejects anything.
    """

    def __init__(self, signal: Signal) -> None:
        super().__init__()
        self._signal: Signal = signal

    def send(self, request: Any, **given: Any) -> Any:
        """Send a request; its answer is read, and closed."""
        deadline = time.monotonic() + (given.get("timeout") or 0)
        with super().send(request, **{**given, "stream": True}) as response:
            if 200 <= response.status_code < 300:
                self._check(response.headers, read(response, deadline))
            elif response.status_code < 400:
                raise NotTakenError(f"the answer is {response.status_code}, and a redirect is not followed")
            return response

    def get_redirect_target(self, resp: Any) -> str | None:
        """None: requests would read the whole answer first."""
        return None

    def _check(self, headers: Any, body: bytes) -> None:
        answer = _ANSWERS[self._signal]()
        try:
            answer.ParseFromString(body)
        except DecodeError:
            kind = headers.get("Content-Type", "of no type")
            raise NotTakenError(f"the answer ({kind}) is none of OTLP") from None
        check(answer)


def read(response: Any, deadline: float) -> bytes:
    """An answer's body. NotTakenError for one that is too long, too late, or broken."""
    body = b""
    while piece := _piece(response):
        body += piece
        if len(body) > ANSWER_BYTES:
            raise NotTakenError(f"the answer has more than {ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise NotTakenError("the answer does not end in time")
    return _unpacked(body) if response.headers.get("Content-Encoding") else body


def _piece(response: Any) -> bytes:
    try:
        piece: bytes = response.raw.read1(_PIECE, decode_content=False)
    except ReadTimeoutError:
        raise NotTakenError("the answer does not end in time") from None
    except (HTTPError, OSError) as error:
        raise NotTakenError(f"the answer breaks off ({type(error).__name__})") from None
    return piece


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(_EITHER)
    try:
        unpacked = unpacking.decompress(body, ANSWER_BYTES)
    except zlib.error as error:
        raise NotTakenError("the answer cannot be unpacked") from error
    if unpacking.unconsumed_tail:
        raise NotTakenError(f"the answer has more than {ANSWER_BYTES} bytes")
    return unpacked
