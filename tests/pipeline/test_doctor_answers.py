"""Verdicts on answers that a collector does not give: gateways, web pages, limits, silence."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.doctored import arrives, environ, refuses, verdict
from support.http_server import QuietHandler, http_server
from support.servers import free_port

from telemetry.doctor.finding import Finding
from telemetry.doctor.pushes import pushes
from telemetry.doctor.subject import Subject
from telemetry.push.target import PREFIX

PAGE = "<html><title>Sign in</title></html>"


@contextmanager
def gateway(status: int, body: str = "", **headers: str) -> Iterator[str]:
    """A server that answers every push so; its URL."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.body()
            self.answer(status, body.encode(), **headers)

    with http_server(Handler) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "expected", "mend"),
    [
        (400, "answer.400", f"{PREFIX}ENDPOINT="),
        (403, "answer.403", "metrics:write"),
        (405, "answer.405", f"{PREFIX}ENDPOINT="),
        (413, "answer.413", "body limit"),
        (415, "answer.415", f"{PREFIX}PROTOCOL=grpc"),
        (418, "answer", "log of the backend"),
        (429, "answer.429", "OTEL_METRIC_EXPORT_INTERVAL=60000"),
        (502, "answer.5xx", "log of the backend"),
        (503, "answer.5xx", "log of the backend"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(status: int, expected: str, mend: str) -> None:
    """Status, reason, and what mends it; the exporter fails as well."""
    with gateway(status, "the reason") as url:
        finding = refuses(environ(ENDPOINT=url), expected)
    assert finding.found.startswith(f"{url}/v1/metrics answers {status} ")
    assert "the reason" in finding.found
    assert finding.mend[0].startswith(mend) or mend in finding.mend[0]


def test_a_redirect_is_no_receipt() -> None:
    """No exporter follows it; the mend is where it leads."""
    with gateway(302, Location="https://otlp.example/v1/metrics?token=abc") as url:
        given = environ(ENDPOINT=url)
        finding = verdict(given)
        assert not arrives(given)
    assert finding.id == "answer.3xx"
    assert finding.mend == (f"{PREFIX}ENDPOINT=https://otlp.example",)
    assert "token" not in str(finding)


def test_a_web_page_is_no_receipt() -> None:
    """200 alone is no receiver."""
    with gateway(200, PAGE, Content_Type="text/html") as url:
        given = environ(ENDPOINT=url)
        finding = verdict(given)
        assert not arrives(given)
    assert finding.id == "answer.not-otlp"
    assert "Sign in" in finding.found
    assert "<" not in finding.found


def _asked_once(given: dict[str, str]) -> Finding:
    (finding,) = pushes(Subject(given, timeout=0.3))
    return finding


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_server_that_takes_the_connection_and_says_nothing(protocol: str) -> None:
    """Neither protocol is spoken there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert _asked_once(environ(ENDPOINT=url, PROTOCOL=protocol)).id == "silent"


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h", "socks4"])
@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_in_between(variable: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is for other machines alone; the doctor follows the exporter, and the mend leaves the host out."""
    monkeypatch.setenv(variable, f"{kind}://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    finding = refuses(environ(ENDPOINT="http://collector.example:4318"), "proxy")
    assert finding.mend == ("NO_PROXY=collector.example",)
    with gateway(200) as url:
        assert arrives(environ(ENDPOINT=url))
        assert verdict(environ(ENDPOINT=url)).severity == "ok"
