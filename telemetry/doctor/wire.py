"""What a host and port speak: name, connection, TLS, protocol. Sockets only; nothing of ours is sent."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Speech = Literal["http/1", "http/2"]

_HTTP1 = b"GET / HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n"
_HTTP2 = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
)  # the preface, and an empty SETTINGS frame
_SETTINGS = 4
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which ssl does not name
_OF_VERIFY_CODE = {62: "tls.hostname", 64: "tls.hostname", 9: "tls.expired", 10: "tls.expired"}


@dataclass(frozen=True)
class Address:
    """A host and a port; `ca`: the PEM file to trust instead of the usual authorities."""

    host: str
    port: int
    tls: bool
    ca: Path | None
    client: tuple[Path, Path | None] | None
    timeout: float

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Obstacle:
    """Why nothing comes through: a name in VERDICTS, and the words of it."""

    verdict: str
    words: str


def obstacle(at: Address) -> Obstacle | None:
    """The first thing in the way of a connection: name, port, or TLS; None where all is well."""
    try:
        socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Obstacle("unresolved", f"{at.host}: {_words(error)}")
    try:
        _connect(at).close()
    except ConnectionRefusedError as error:
        return Obstacle("refused", f"{at}: {_words(error)}")
    except OSError as error:
        return Obstacle("unreachable", f"{at}: {_words(error)} (waited {at.timeout:g} s at most)")
    if at.tls:
        plain = replace(at, tls=False)
        return Obstacle("tls.unwanted", f"{at} speaks no TLS") if speech(plain) else _tls_obstacle(at)
    return Obstacle("tls.wanted", f"{at} speaks TLS only") if _speaks_tls(at) else None


def speech(at: Address) -> set[Speech]:
    """What the port answers to; over TLS whoever its certificate is from."""
    if not at.tls and _speaks_tls(at):
        return set()
    spoken: set[Speech] = set()
    if _answer(at, _HTTP1, "http/1.1").startswith(b"HTTP/1."):
        spoken.add("http/1")
    if _is_settings(_answer(at, _HTTP2, "h2")):
        spoken.add("http/2")
    return spoken


def _speaks_tls(at: Address) -> bool:
    try:
        _any_tls(at, "http/1.1", "h2").close()
    except (OSError, ValueError):
        return False
    return True


def _tls_obstacle(at: Address) -> Obstacle | None:
    try:
        context = _context(at.ca)
        if at.client:
            context.load_cert_chain(*at.client)
        with closing(context.wrap_socket(_connect(at), server_hostname=at.host)) as secured:
            # In TLS 1.3 the server says that it wants our certificate after the handshake.
            secured.sendall(_HTTP1)
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        verdict = _OF_VERIFY_CODE.get(error.verify_code, "tls.untrusted")
        return Obstacle(verdict, f"{at}: {error.verify_message}; {_certificate(at)}")
    except ssl.SSLError as error:
        wanted = "CERTIFICATE_REQUIRED" in str(error) or "BAD_CERTIFICATE" in str(error)
        return Obstacle("tls.client" if wanted else "tls", f"{at}: {error.reason or error}")
    except OSError as error:
        return Obstacle("tls", f"{at}: {_words(error)}")
    return None


def _context(ca: Path | None) -> ssl.SSLContext:
    """As the exporters have it: the given authority alone, or those that come with requests."""
    import certifi

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca or certifi.where())
    return context


def _certificate(at: Address) -> str:
    """Who the server's certificate is for and from. It is trusted for that moment, so that ssl decodes it."""
    try:
        pem = ssl.get_server_certificate((at.host, at.port), timeout=at.timeout)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=pem)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
        with closing(context.wrap_socket(_connect(at), server_hostname=at.host)) as secured:
            shown: dict[str, Any] = secured.getpeercert() or {}
    except (OSError, ValueError) as error:
        return f"its certificate could not be read ({error})"
    names = ", ".join(str(value) for _, value in shown.get("subjectAltName", ())) or _name(
        shown.get("subject")
    )
    return f"it is for {names}, from {_name(shown.get('issuer'))}, until {shown.get('notAfter')}"


def _name(parts: Any) -> str:
    """Organisation and common name of a decoded subject or issuer."""
    pairs = [pair for part in parts or () for pair in part]
    named = [value for key, value in pairs if key in {"organizationName", "commonName"}]
    return ", ".join(named) or "nobody"


def _connect(at: Address) -> socket.socket:
    return socket.create_connection((at.host, at.port), at.timeout)


def _any_tls(at: Address, *protocols: str) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    if at.client:
        context.load_cert_chain(*at.client)
    return context.wrap_socket(_connect(at), server_hostname=at.host)


def _answer(at: Address, question: bytes, protocol: str) -> bytes:
    """The first bytes that come back, waited for a second at most."""
    try:
        with closing(_any_tls(at, protocol) if at.tls else _connect(at)) as connection:
            connection.settimeout(min(at.timeout, 1.0))
            connection.sendall(question)
            return connection.recv(64)
    except (OSError, ValueError):
        return b""


def _is_settings(answer: bytes) -> bool:
    return len(answer) >= 9 and answer[3] == _SETTINGS and answer[5:9] == b"\0\0\0\0"


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
