"""What a receiver answers to a push: whether it took all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.push.deadline import InTimeSession
from telemetry.push.delivery import hear
from telemetry.push.limited import AnswerError, read
from telemetry.settings import Signal

ANSWER_BYTES = 65_536
_ANSWERS: dict[Signal, Callable[[], Any]] = {
    "metrics": ExportMetricsServiceResponse,
    "traces": ExportTraceServiceResponse,
}


class NotTakenError(AnswerError):
    """A receiver that answers and has not taken a push, or not all of it."""


def check(answer: Any) -> None:
    """Raise NotTakenError with the number of what an OTLP answer says was rejected, and its words."""
    partial = answer.partial_success
    for kind in ("data_points", "spans"):
        if rejected := getattr(partial, f"rejected_{kind}", 0):
            what = kind.replace("_", " ")
            raise NotTakenError(f"{rejected} {what} were rejected: {partial.error_message}")


@contextmanager
def _heard() -> Iterator[None]:
    """What fails within is the push's reason."""
    try:
        yield
    except Exception as error:
        hear(error)
        raise


class CheckedStub:
    """A gRPC stub whose answers are checked. The channel limits their size, the call their time."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def Export(self, **given: Any) -> Any:  # noqa: N802 - grpc's
        """Push. Raises NotTakenError."""
        with _heard():
            answer = self._stub.Export(**given)
            check(answer)
        return answer


class CheckedSession(InTimeSession):
    """A session of requests that reads no more of an answer than an OTLP answer has, and follows no redirect.

    Raises NotTakenError for an answer below 400 that is none of OTLP, or that rejects anything; AnswerError
    for one that cannot be read.
    """

    def __init__(self, signal: Signal) -> None:
        super().__init__()
        self._signal: Signal = signal

    def send(self, request: Any, **given: Any) -> Any:
        """Send a request; its answer is read, and closed."""
        deadline = time.monotonic() + (given.get("timeout") or 0)
        with _heard(), super().send(request, **{**given, "stream": True}) as response:
            if 200 <= response.status_code < 300:
                self._check(response.headers, read(response, ANSWER_BYTES, deadline))
            elif response.status_code < 400:
                raise NotTakenError(f"the answer is {response.status_code}, and a redirect is not followed")
            else:  # the exporter's matter: it may try again
                hear(NotTakenError(f"the answer is {response.status_code} {response.reason}"))
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
