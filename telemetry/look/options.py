"""What `telemetry look` is asked, checked before anything listens."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from telemetry.loopback import is_loopback
from telemetry.record.schema import Metric
from telemetry.scrape.listening import Listening
from telemetry.scrape.token import TokenFile
from telemetry.secrets import shown, without_secrets
from telemetry.settings import SettingsError

HOST, PORT = "127.0.0.1", 3002
PROMETHEUS = "http://127.0.0.1:9090"
TOKEN_FILE, CA_FILE = "--prometheus-token-file", "--prometheus-ca-file"
TRACE_ID = "{trace_id}"
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True)
class Options:
    """The options of one command. Each method raises SettingsError with option, value and expectation."""

    prometheus: str = PROMETHEUS
    token_file: str = ""
    ca_file: str = ""
    dashboards: tuple[Path, ...] = ()
    runbooks: Path | None = None
    host: str = HOST
    port: int = PORT
    path_prefix: str = ""
    allowed_hosts: tuple[str, ...] = ()
    """Names under which a browser may reach the page, beside localhost and addresses."""
    allow_remote: bool = False
    trace_url: str = ""
    prometheus_link: str = ""
    title: str = "Dashboards"
    snapshot: Path | None = None
    png: Path | None = None
    range_seconds: float | None = None
    """To look back in a snapshot or a picture; None for as long as each board says."""
    variables: Mapping[str, str] = field(default_factory=dict)
    theme: str = "light"
    language: str = "en"
    catalogue: tuple[Metric, ...] = ()
    """Metrics whose labels and meaning are known here, whether Prometheus has them or not."""

    def __post_init__(self) -> None:
        _url("--prometheus", self.prometheus)
        for option, url in (("--trace-url", self.trace_url), ("--link-prometheus", self.prometheus_link)):
            if url:
                _url(option, url, is_base=False)
        if not _PREFIX.fullmatch(self.path_prefix) or {".", ".."} & set(self.path_prefix.split("/")):
            raise SettingsError(f"--path-prefix={self.path_prefix!r}: expected a path such as /dashboards")
        if not all(re.fullmatch(r"\w+", name) for name in self.variables):
            raise SettingsError("--variable: expected NAME=VALUE, repeatable")
        for name in self.allowed_hosts:
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f"--allowed-host={shown(name)!r}: expected a name in lower case such as "
                    "boards.example.com, without scheme and port"
                )
        if not is_loopback(self.host) and not self.allow_remote:
            raise SettingsError(
                f"--host={self.host}: others could reach it, and the page asks no password; expected a "
                "loopback address such as 127.0.0.1, or --allow-remote where something in front lets only "
                "the right people in"
            )

    @property
    def prefix(self) -> str:
        """The path prefix without a slash at its end; "" for none."""
        return self.path_prefix.rstrip("/")

    @property
    def listening(self) -> Listening:
        """Where the page is served."""
        return Listening(self.host, self.port, "--host", "--port")

    @property
    def trace_link(self) -> str | None:
        """The address of a trace, with a place for its id; None without one."""
        if not self.trace_url:
            return None
        return self.trace_url if TRACE_ID in self.trace_url else self.trace_url + TRACE_ID

    def token(self) -> TokenFile | None:
        """The file with Prometheus's token, which can be read now; None without one."""
        if not self.token_file:
            return None
        file = TokenFile(self.token_file, TOKEN_FILE)
        file.read()
        return file

    def tls(self) -> ssl.SSLContext:
        """Whose certificates are believed: the named CA's alone, else the system's."""
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(
                f"{CA_FILE}={self.ca_file!r}: {error.strerror or error}; expected a file with certificates "
                "in PEM form"
            ) from None


def _url(option: str, url: str, *, is_base: bool = True) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits, parts = False, urlsplit("")
    if fits and parts.username is None and not (is_base and (parts.query or parts.fragment)):
        return
    raise SettingsError(
        f"{option}={without_secrets(url)!r}: expected an address such as {PROMETHEUS}, without user and "
        f"password{', query and fragment' if is_base else ''}"
    )
