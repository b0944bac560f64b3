"""The SDK's exporters for a target, one package a protocol, imported only when used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from telemetry import posix
from telemetry.loopback import GRPC_DIRECT, HTTP_DIRECT
from telemetry.push.target import PREFIX, Protocol, PushTarget
from telemetry.settings import SettingsError, Signal


def metric_exporter(to: PushTarget) -> MetricExporter:
    """What pushes metrics there."""
    made: MetricExporter = _exporter(to, "metrics", "metric_exporter", "OTLPMetricExporter")
    return made


def span_exporter(to: PushTarget) -> SpanExporter:
    """What pushes spans there."""
    made: SpanExporter = _exporter(to, "traces", "trace_exporter", "OTLPSpanExporter")
    return made


def _exporter(to: PushTarget, signal: Signal, module: str, name: str) -> Any:
    package, arguments = _PROTOCOLS[to.protocol]
    exporter = getattr(import_module(f"{package}.{module}"), name)
    try:
        return _checked(exporter(endpoint=to.endpoint, timeout=to.timeout, **arguments(to, signal)))
    except ValueError as error:
        # The grpc exporter reads variables though it is given their values, and stumbles over empty ones.
        raise SettingsError(f"{PREFIX}*: {error}; unset those that are empty") from None


def _checked(exporter: Any) -> Any:
    """The exporter; over grpc with a stub that looks at what is answered, also on each new channel."""
    from telemetry.push.receipt import CheckedStub

    if stub := getattr(exporter, "_stub", None):
        exporter._stub = lambda channel: CheckedStub(stub(channel))
        exporter._client = CheckedStub(exporter._client)
    return exporter


def _http(to: PushTarget, signal: Signal) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    return {
        "headers": dict(to.headers),
        "compression": Compression(to.compression),
        "session": _session(_name(to.certificate), signal, to.local),
        "certificate_file": _name(to.certificate),
        "client_certificate_file": _name(to.client_certificate),
        "client_key_file": _name(to.client_key),
    }


def _session(certificate: str | None, signal: Signal, local: bool) -> Any:
    """A session of requests, which alone would let REQUESTS_CA_BUNDLE win over our own authority.

    A proxy of the environment is for other machines, whatever NO_PROXY leaves out.
    """

    from telemetry.push.receipt import CheckedSession

    class DirectSession(CheckedSession):
        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            merged = super().merge_environment_settings(url, proxies, stream, certificate or verify, cert)
            return {**merged, "proxies": HTTP_DIRECT} if local else merged

    session = DirectSession(signal)
    posix.in_children(session.close)  # two processes would mix their requests on one connection
    return session


def _name(file: Path | None) -> str | None:
    return str(file) if file else None


def _grpc(to: PushTarget, _: Signal) -> dict[str, Any]:
    import grpc

    from telemetry.push.receipt import ANSWER_BYTES

    proxied = GRPC_DIRECT if to.local else ()
    return {
        "headers": to.headers,
        "compression": grpc.Compression.Gzip if to.compression == "gzip" else grpc.Compression.NoCompression,
        "insecure": to.plaintext,
        "channel_options": (("grpc.max_receive_message_length", ANSWER_BYTES), *proxied),
        "credentials": None if to.plaintext else grpc.ssl_channel_credentials(*_pem(to)),
    }


def _pem(to: PushTarget) -> list[bytes | None]:
    files = (to.certificate, to.client_key, to.client_certificate)
    return [file.read_bytes() if file else None for file in files]


_PROTOCOLS: Mapping[Protocol, tuple[str, Callable[[PushTarget, Signal], dict[str, Any]]]] = {
    "http/protobuf": ("opentelemetry.exporter.otlp.proto.http", _http),
    "grpc": ("opentelemetry.exporter.otlp.proto.grpc", _grpc),
}
