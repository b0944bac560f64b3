"""Where each signal is pushed, and how: OTEL_EXPORTER_OTLP_*, checked, the same for both protocols.

OTEL_EXPORTER_OTLP_METRICS_* and OTEL_EXPORTER_OTLP_TRACES_* win for their signal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from telemetry.loopback import is_loopback
from telemetry.secrets import cleaned, hidden_in, without_secrets
from telemetry.settings import Settings, Signal, StandardFlag, checked, lower, rows, variable

Protocol = Literal["http/protobuf", "grpc"]

DEFAULT_ENDPOINTS: Mapping[Protocol, str] = {
    "http/protobuf": "http://localhost:4318",
    "grpc": "http://localhost:4317",
}
PREFIX = "OTEL_EXPORTER_OTLP_"
ENDPOINT = PREFIX + "ENDPOINT"

_PEM_BYTES = 1 << 20  # within which the first certificate begins; comments may stand before it
# What the exporters themselves take without a word; all else they would log, with its secret.
_HEADER = re.compile(r"[ \t]*[!#-'*+\-.0-9A-Z^-z|~]+[ \t]*=[ !#-+\--:<-\[\]-~]*")


def _headers(text: Any) -> Any:
    """`key=value,key=value` as pairs, percent-decoded; a blank needs no %20."""
    if not isinstance(text, str):
        return text
    pairs = [pair for pair in text.split(",") if pair.strip()]
    if not all(_HEADER.fullmatch(pair) for pair in pairs):
        raise ValueError
    decoded = [(key.strip().lower(), unquote(value).strip()) for key, _, value in _parted(pairs)]
    if not all(value.isascii() and value.isprintable() for _, value in decoded):
        raise ValueError
    return tuple(decoded)


def _parted(pairs: list[str]) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in pairs]


def _pem(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            if b"-----BEGIN" in file.read(_PEM_BYTES):
                return path
    except OSError as error:
        raise ValueError from error
    raise ValueError


File = Annotated[Path, AfterValidator(_pem)]


class PushTarget(BaseModel, frozen=True):
    """Where one signal goes. `endpoint` is the whole URL; over grpc it may be host:port alone."""

    protocol: Annotated[Protocol, BeforeValidator(lower)] = variable(
        PREFIX + "PROTOCOL", "http/protobuf or grpc", "http/protobuf"
    )
    endpoint: str = variable(
        ENDPOINT,
        "the collector's URL, without a path; by default http://localhost:4318, over grpc :4317. "
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is the whole URL, with /v1/metrics",
        "",
    )
    headers: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_headers)] = variable(
        PREFIX + "HEADERS", "key=value pairs, separated by commas, percent-encoded", (), secret=True
    )
    timeout: Annotated[float, Field(gt=0, le=300)] = variable(
        PREFIX + "TIMEOUT", "seconds for one push with its retries, 300 at most", 10
    )
    compression: Annotated[Literal["none", "gzip"], BeforeValidator(lower)] = variable(
        PREFIX + "COMPRESSION", "none or gzip", "none"
    )
    certificate: File | None = variable(
        PREFIX + "CERTIFICATE", "PEM file of the authority that the collector's certificate is from", None
    )
    client_certificate: File | None = variable(
        PREFIX + "CLIENT_CERTIFICATE",
        "PEM file of our own certificate, where the collector asks for one",
        None,
    )
    client_key: File | None = variable(PREFIX + "CLIENT_KEY", "PEM file of the key to it", None)
    insecure: StandardFlag = variable(
        PREFIX + "INSECURE",
        "true or false; true: no TLS over grpc, where the endpoint has neither http:// nor https://",
        False,
    )

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, text: str, info: ValidationInfo) -> str:
        url = urlsplit(text.strip())
        if url.scheme in ("http", "https"):
            if not url.hostname or (url.port or 1) < 1:
                raise ValueError
        elif info.data.get("protocol") != "grpc" or "//" in text:
            raise ValueError
        return text.strip()

    @property
    def where(self) -> str:
        """The endpoint as a log may show it."""
        return without_secrets(self.endpoint)

    def cleaned(self, words: str) -> str:
        """What a receiver or an exporter says, without what is secret here: it may repeat what was sent."""
        secrets = hidden_in(self.endpoint)
        for _, value in self.headers:
            secrets |= {value, *value.split(), *_decoded(value)}
        return cleaned(words, secrets)

    @property
    def local(self) -> bool:
        """Whether it is on this machine, so that no proxy of the environment is for it."""
        host = urlsplit(self.endpoint if "//" in self.endpoint else f"//{self.endpoint}").hostname
        return is_loopback(host or "")

    @property
    def plaintext(self) -> bool:
        """Whether grpc goes without TLS: the scheme decides, and INSECURE where there is none."""
        scheme, there, _ = self.endpoint.partition("://")
        return scheme == "http" if there else self.insecure


def variables() -> dict[str, tuple[str, Any]]:
    """Every variable of the pipeline: what is expected, and the default."""
    return {**rows(Settings), **rows(PushTarget)}


def target(signal: Signal, environ: Mapping[str, str]) -> PushTarget:
    """Where a signal goes, from an environment. Raises SettingsError with the variable that is wrong."""
    twins = {key: key.replace(PREFIX, f"{PREFIX}{signal.upper()}_") for key in rows(PushTarget)}
    names = {key: twin if environ.get(twin) else key for key, twin in twins.items()}
    given = {key: environ[name] for key, name in names.items() if environ.get(name)}
    made = checked(PushTarget, given, names)
    endpoint, headers = _without_credentials(made.endpoint or DEFAULT_ENDPOINTS[made.protocol])
    if made.protocol != "grpc" and names[ENDPOINT] == ENDPOINT:
        endpoint = f"{endpoint.rstrip('/')}/v1/{signal}"
    headers = tuple(dict([*headers, *made.headers]).items())
    return made.model_copy(update={"endpoint": endpoint, "headers": headers})


def _decoded(value: str) -> list[str]:
    """User and password of a Basic authorization, together and alone."""
    try:
        pair = base64.b64decode(value.partition(" ")[2], validate=True).decode()
    except ValueError:
        return []
    return [pair, *pair.split(":", 1)]


def _without_credentials(endpoint: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """`user:password@` of a URL becomes a header: grpc knows it no other way, and logs never show it."""
    url = urlsplit(endpoint)
    user, at, host = url.netloc.rpartition("@")
    if not at:
        return endpoint, ()
    basic = base64.b64encode(unquote(user).encode()).decode()
    return url._replace(netloc=host).geturl(), (("authorization", f"Basic {basic}"),)
