"""An empty push, by the protocol, headers and certificates of the settings. It creates no series."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from telemetry.doctor import proxies
from telemetry.doctor.wire import Address
from telemetry.loopback import GRPC_DIRECT, HTTP_DIRECT
from telemetry.push.target import PushTarget
from telemetry.settings import Signal

WORDS = 200
# What a gRPC status says in the words of HTTP.
_STATUS = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "UNIMPLEMENTED": 404,
    "INVALID_ARGUMENT": 400,
    "RESOURCE_EXHAUSTED": 429,
}
_STUBS = {"metrics": "Metrics", "traces": "Trace"}


@dataclass(frozen=True)
class PushAnswer:
    """What came back: an HTTP status, or what it would be over grpc; None where nothing came."""

    status: int | None
    words: str
    otlp: bool = True
    location: str = ""
    proxy: bool = False

    @property
    def accepted(self) -> bool:
        """Whether a push would arrive."""
        return self.status is not None and 200 <= self.status < 300 and self.otlp


def push_nothing(to: PushTarget, signal: Signal, timeout: float) -> PushAnswer:
    """Send an empty request, once."""
    return _grpc(to, signal, timeout) if to.protocol == "grpc" else _http(to, timeout)


def address(to: PushTarget, timeout: float) -> Address:
    """Where the push connects to, and whom it trusts there."""
    url = urlsplit(to.endpoint if "://" in to.endpoint else f"//{to.endpoint}")
    tls = not to.plaintext if to.protocol == "grpc" else url.scheme == "https"
    port = url.port or (443 if tls else 80)
    client = (to.client_certificate, to.client_key) if to.client_certificate else None
    return Address(url.hostname or "", port, tls, _authority(to), client, timeout)


def _authority(to: PushTarget) -> Path | None:
    """The file that is trusted; over HTTP it may be that of REQUESTS_CA_BUNDLE."""
    import requests

    if to.certificate or to.protocol == "grpc":
        return to.certificate
    usual = requests.Session().merge_environment_settings(to.endpoint, {}, None, None, None)["verify"]
    return Path(usual) if isinstance(usual, str) else None


def _http(to: PushTarget, timeout: float) -> PushAnswer:
    import requests

    from telemetry.push.deadline import InTimeSession
    from telemetry.push.failures import in_words

    files = [str(file) for file in (to.client_certificate, to.client_key) if file]
    try:
        response = InTimeSession().post(
            to.endpoint,
            data=b"",
            headers={"Content-Type": "application/x-protobuf", **dict(to.headers)},
            verify=str(to.certificate) if to.certificate else None,
            cert=(files[0], files[1]) if len(files) == 2 else next(iter(files), None),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            proxies=HTTP_DIRECT if to.local else None,
        )
    except (requests.RequestException, OSError, ValueError) as error:
        of_tls = isinstance(error, requests.exceptions.SSLError)
        return PushAnswer(None, _line(to, in_words(error)), proxy=not of_tls and proxies.before(to.endpoint))
    kind = response.headers.get("Content-Type", "")
    words, is_otlp = _read(response, kind, time.monotonic() + timeout)
    return PushAnswer(
        response.status_code,
        _line(to, f"{response.status_code} {response.reason}: {words}"),
        otlp=is_otlp,
        location=response.headers.get("Location", ""),
    )


def _read(response: Any, kind: str, deadline: float) -> tuple[str, bool]:
    """The server's words, and whether they may be a receipt; within the limits that pushes have."""
    from telemetry.push.limited import AnswerError, read
    from telemetry.push.receipt import ANSWER_BYTES

    with response:
        try:
            body = read(response, ANSWER_BYTES, deadline)
        except AnswerError as error:
            return str(error), False
    return _text(body, kind), not body or "protobuf" in kind


def _text(body: bytes, kind: str) -> str:
    """A protobuf Status has its message behind a tag and a length."""
    if "protobuf" in kind:
        return " ".join(re.findall(r"[ -~]{4,}", body.decode("latin-1")))
    text = body.decode("utf-8", "replace")
    return re.sub(r"<[^>]*>", " ", text) if "html" in kind else text


def _grpc(to: PushTarget, signal: Signal, timeout: float) -> PushAnswer:
    import grpc

    name, package = _STUBS[signal], f"opentelemetry.proto.collector.{_STUBS[signal].lower()}.v1"
    service = import_module(f"{package}.{name.lower()}_service_pb2_grpc")
    messages = import_module(f"{package}.{name.lower()}_service_pb2")
    where = urlsplit(to.endpoint).netloc or to.endpoint
    files = (to.certificate, to.client_key, to.client_certificate)
    options = GRPC_DIRECT if to.local else ()
    channel = (
        grpc.insecure_channel(where, options)
        if to.plaintext
        else grpc.secure_channel(
            where,
            grpc.ssl_channel_credentials(*(file.read_bytes() if file else None for file in files)),
            options,
        )
    )
    with channel:
        stub = getattr(service, f"{name}ServiceStub")(channel)
        request = getattr(messages, f"Export{name}ServiceRequest")()
        try:
            stub.Export(request, metadata=to.headers, timeout=timeout)
        except grpc.RpcError as error:
            code, words = error.code().name, _line(to, error.details() or "")
            return PushAnswer(_STATUS.get(code), f"{code}: {words}")
    return PushAnswer(200, "OK")


def _line(to: PushTarget, text: str) -> str:
    return " ".join(to.cleaned(text).split()).rstrip(": ")[:WORDS]
