"""What each answer of a backend means, and what mends it. A table: status -> words and mends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from telemetry.doctor.authorization import MEND, described
from telemetry.doctor.finding import Finding, found
from telemetry.doctor.mends import endpoint_line, tried
from telemetry.doctor.push import PushAnswer
from telemetry.doctor.subject import Subject
from telemetry.doctor.verdicts import VERDICTS
from telemetry.push.target import PREFIX, PushTarget
from telemetry.secrets import without_secrets
from telemetry.settings import Signal

Mends = Callable[[Subject, Signal, PushTarget, PushAnswer], Iterable[str]]


def _paths(subject: Subject, signal: Signal, to: PushTarget, _: PushAnswer) -> Iterable[str]:
    return tried(subject, signal, to, "path")


def _protocols(subject: Subject, signal: Signal, to: PushTarget, _: PushAnswer) -> Iterable[str]:
    return tried(subject, signal, to, "protocol")


def _credentials(subject: Subject, signal: Signal, *_: object) -> Iterable[str]:
    return (f"{subject.names(PREFIX + 'HEADERS', signal)}={MEND}",)


def _location(subject: Subject, signal: Signal, _: PushTarget, answer: PushAnswer) -> Iterable[str]:
    return (endpoint_line(subject, signal, without_secrets(answer.location)),)


def _say(*lines: str) -> Mends:
    return lambda *_: lines


MENDS: Mapping[str, Mends] = {
    "answer.400": _paths,
    "answer.401": _credentials,
    "answer.403": _say(
        "give the token the right to write metrics (Grafana Cloud: scope metrics:write), or take another"
    ),
    "answer.404": _paths,
    "answer.405": _paths,
    "answer.413": _say("raise the body limit of the gateway before the backend"),
    "answer.415": _protocols,
    "answer.429": _say("OTEL_METRIC_EXPORT_INTERVAL=60000", "have the backend's limit raised"),
    "answer.3xx": _location,
    "answer.5xx": _say("look into the log of the backend, and of the gateway before it"),
    "answer.not-otlp": _paths,
    "answer": _say("look into the log of the backend"),
}


def refused(subject: Subject, signal: Signal, to: PushTarget, answer: PushAnswer) -> Finding:
    """The verdict on an answer that is no acceptance."""
    verdict = _verdict(answer)
    words = f"{to.where} answers {answer.words}"
    if verdict == "answer.3xx":
        words += f", to {without_secrets(answer.location)}"
    if answer.status in {401, 403}:
        words += f"; {described(to.headers)}"
    return found(verdict, words, *MENDS[verdict](subject, signal, to, answer))


def _verdict(answer: PushAnswer) -> str:
    status = answer.status or 0
    of_class = {2: "answer.not-otlp", 3: "answer.3xx", 5: "answer.5xx"}.get(status // 100, "answer")
    return f"answer.{status}" if f"answer.{status}" in VERDICTS else of_class
