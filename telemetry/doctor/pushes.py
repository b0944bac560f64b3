"""Does a push arrive? An empty one is sent; where it does not arrive, the wire is asked why."""

from __future__ import annotations

from collections.abc import Iterator

from telemetry.doctor.answers import refused
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.mends import endpoint_line, hints, tried
from telemetry.doctor.push import PushAnswer, address, push_nothing
from telemetry.doctor.subject import Subject
from telemetry.doctor.wire import Address, obstacle, speech
from telemetry.push.target import PREFIX, PushTarget
from telemetry.settings import Signal

# Another signal has another path, and may well arrive.
OF_A_PATH = {"answer.404", "answer.405", "answer.3xx", "answer.not-otlp"}


def pushes(subject: Subject) -> Iterator[Finding]:
    """One verdict for each signal. A second signal to a place that is known to be at fault is left out."""
    at_fault: set[tuple[object, ...]] = set()
    for signal, to in subject.targets.items():
        place = (to.protocol, to.headers, str(address(to, subject.timeout)))
        if subject.offline:
            yield passed(f"{signal} go to {to.where} by {to.protocol}; not contacted")
            yield from hints(subject, signal, to)
        elif place not in at_fault:
            verdicts = list(_push(subject, signal, to))
            if any(verdict.severity == "fault" and verdict.id not in OF_A_PATH for verdict in verdicts):
                at_fault.add(place)
            yield from verdicts


def _push(subject: Subject, signal: Signal, to: PushTarget) -> Iterator[Finding]:
    answer = push_nothing(to, signal, subject.timeout)
    if answer.accepted:
        yield passed(f"{signal} arrive at {to.where} by {to.protocol}: an empty push was accepted")
        return
    verdict = _verdict(subject, signal, to, answer)
    yield verdict
    if verdict.id in {"refused", "unresolved", "unreachable", "silent"}:
        yield from hints(subject, signal, to)


def _verdict(subject: Subject, signal: Signal, to: PushTarget, answer: PushAnswer) -> Finding:
    at = address(to, subject.timeout)
    if answer.proxy:
        return found("proxy", f"{to.where}: {answer.words}", f"NO_PROXY={at.host}")
    if answer.status is None or answer.status in {400, 404}:
        return _from_the_wire(subject, signal, to, at, answer) or refused(subject, signal, to, answer)
    return refused(subject, signal, to, answer)


def _from_the_wire(
    subject: Subject, signal: Signal, to: PushTarget, at: Address, answer: PushAnswer
) -> Finding | None:
    """What stands in the way below the protocol, or another protocol; None where neither is the case."""
    if barrier := obstacle(at):
        return found(barrier.verdict, barrier.words, _barrier_mend(subject, signal, to, at, barrier.verdict))
    spoken = speech(at)
    mismatch = "http/1" in spoken if to.protocol == "grpc" else "http/1" not in spoken and "http/2" in spoken
    if mismatch:
        speaks = "HTTP/1.1" if to.protocol == "grpc" else "HTTP/2 only, which is grpc"
        return found(
            "protocol",
            f"{at} speaks {speaks}; {subject.names(PREFIX + 'PROTOCOL', signal)}={to.protocol}",
            *tried(subject, signal, to, "protocol"),
        )
    if answer.status is None:
        return found("silent", f"{at}: {answer.words}", "look into the log of the collector")
    return None


def _barrier_mend(subject: Subject, signal: Signal, to: PushTarget, at: Address, verdict: str) -> str:
    certificate = subject.names(PREFIX + "CERTIFICATE", signal)
    authority = f"{certificate}=/path/to/the/authority.pem" + (f" (now {at.ca})" if at.ca else "")
    ours = [subject.names(PREFIX + name, signal) for name in ("CLIENT_CERTIFICATE", "CLIENT_KEY")]
    rest = to.where.partition("://")[2] or to.where
    elsewhere = f"start the collector, or {endpoint_line(subject, signal, 'http://HOST:PORT')}"
    mends = {
        "unresolved": elsewhere,
        "refused": elsewhere,
        "unreachable": elsewhere,
        "tls.untrusted": authority,
        "tls.hostname": endpoint_line(subject, signal, f"https://NAME-IN-THE-CERTIFICATE:{at.port}"),
        "tls.expired": "renew the server's certificate, or set this machine's clock",
        "tls.wanted": endpoint_line(subject, signal, f"https://{rest}"),
        "tls.unwanted": endpoint_line(subject, signal, f"http://{rest}"),
        "tls.client": " and ".join(f"{name}=/path/to/our.pem" for name in ours),
        "tls": f"{authority}, with certificates in PEM"
        if to.certificate
        else "look into the collector's log",
    }
    return mends[verdict]
