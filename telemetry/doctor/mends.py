"""Endpoints that would do. What can be tried is tried, and the first that accepts is the mend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from telemetry.doctor.finding import Finding, found
from telemetry.doctor.push import address, push_nothing
from telemetry.doctor.subject import Subject
from telemetry.push.target import ENDPOINT, PREFIX, PushTarget
from telemetry.secrets import HIDDEN
from telemetry.settings import Signal

PROTOCOL = PREFIX + "PROTOCOL"
# Where receivers have it: collectors, Prometheus 3, Grafana Cloud and Mimir.
BASES = ("", "/api/v1/otlp", "/otlp")
PORTS: dict[str, int] = {"grpc": 4317, "http/protobuf": 4318}


def endpoint_line(subject: Subject, signal: Signal, url: str) -> str:
    """VARIABLE=value that makes a signal go to this URL, in the variable that decides now."""
    variable = subject.names(ENDPOINT, signal)
    return _line(variable, url.removesuffix(f"/v1/{signal}") if variable == ENDPOINT else url)


def _line(variable: str, url: str) -> str:
    note = f" ({HIDDEN} stands for what is set there now)" if f"/{HIDDEN}" in url else ""
    return f"{variable}={url}{note}"


def tried(
    subject: Subject, signal: Signal, to: PushTarget, other: Literal["path", "protocol"]
) -> Iterator[str]:
    """The lines of the first other path, or of the other protocol, that accepts an empty push; else what to
    look for."""
    for candidate in (_paths if other == "path" else _protocols)(to, signal):
        if push_nothing(candidate, signal, subject.timeout).accepted:
            yield f"{' and '.join(_changes(subject, signal, to, candidate))} (tried: accepted)"
            return
    if other == "path" and signal == "traces":
        yield "OTEL_TRACES_EXPORTER=none, where the backend takes no traces"
    if other == "path":
        yield endpoint_line(subject, signal, f"{_root(to)}/PATH/v1/{signal}")
        yield "Prometheus 3 has its receiver at /api/v1/otlp, once --web.enable-otlp-receiver is given"
    else:
        wanted = "http/protobuf" if to.protocol == "grpc" else "grpc"
        yield f"{subject.names(PROTOCOL, signal)}={wanted}"
        yield endpoint_line(subject, signal, f"{_root(to, PORTS[to.protocol])}/v1/{signal}")


def _changes(subject: Subject, signal: Signal, to: PushTarget, wanted: PushTarget) -> Iterator[str]:
    """The lines that make one target the other."""
    if wanted.protocol != to.protocol:
        yield f"{subject.names(PROTOCOL, signal)}={wanted.protocol}"
    variable, _, value = (line := endpoint_line(subject, signal, wanted.endpoint)).partition("=")
    if subject.environ.get(variable, "").rstrip("/") != value:
        yield line


def _paths(to: PushTarget, signal: Signal) -> Iterator[PushTarget]:
    if to.protocol == "grpc":
        return
    for base in BASES:
        endpoint = f"{_root(to)}{base}/v1/{signal}"
        if endpoint != to.endpoint:
            yield to.model_copy(update={"endpoint": endpoint})


def _protocols(to: PushTarget, signal: Signal) -> Iterator[PushTarget]:
    """The protocol's own port first, then the other protocol at this port. Another port gets no headers:
    who listens there is not known."""
    path = "" if to.protocol == "grpc" else f"/v1/{signal}"
    yield to.model_copy(update={"endpoint": f"{_root(to, PORTS[to.protocol])}{path}", "headers": ()})
    if to.protocol == "grpc":
        yield to.model_copy(update={"endpoint": f"{_root(to)}/v1/{signal}", "protocol": "http/protobuf"})
    else:
        yield to.model_copy(update={"endpoint": _root(to), "protocol": "grpc"})


def _root(to: PushTarget, port: int | None = None) -> str:
    """scheme://host:port of an endpoint."""
    at = address(to, 0)
    scheme = "https" if at.tls else "http"
    host = f"[{at.host}]" if ":" in at.host else at.host
    return f"{scheme}://{host}:{port or at.port}"


def hints(subject: Subject, signal: Signal, to: PushTarget) -> Iterator[Finding]:
    """What looks wrong in an endpoint that could not be asked."""
    url = urlsplit(to.endpoint)
    variable = subject.names(ENDPOINT, signal)
    ending = f"/v1/{signal}"
    if to.protocol == "grpc":
        if "://" not in to.endpoint and not to.plaintext:
            yield found("endpoint.scheme", f"{variable}={to.where}", f"{variable}=http://{to.where}")
    elif not url.path.endswith(ending):
        yield found("endpoint.path", f"{variable}={to.where}", _line(variable, to.where.rstrip("/") + ending))
    elif url.path.count(ending) > 1:
        yield found(
            "endpoint.doubled",
            f"the URL becomes {to.where}",
            endpoint_line(subject, signal, f"{_root(to)}{ending}"),
        )
    others = {port for protocol, port in PORTS.items() if protocol != to.protocol}
    if address(to, 0).port in others:
        own = endpoint_line(subject, signal, f"{_root(to, PORTS[to.protocol])}{urlsplit(to.where).path}")
        yield found("endpoint.port", f"{to.where} with {PROTOCOL}={to.protocol}", own)
