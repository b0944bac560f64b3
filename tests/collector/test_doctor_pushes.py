"""Every verdict on a push, against a real collector that is set up wrong in that way.

Each case says what the doctor says, and that the real exporter fares as it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from support.doctored import accepts, credentials, environ, mended, refuses, verdict
from support.otlp_receivers import AUTHORITY, TOKEN, USER, Receivers, receivers
from support.otlp_sink import otlp_sink
from support.servers import free_port

from telemetry.doctor import mends
from telemetry.doctor.finding import PASSED
from telemetry.doctor.pushes import pushes
from telemetry.doctor.subject import Subject
from telemetry.push.target import PREFIX

pytestmark = pytest.mark.built

BOTH = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """The receivers, each wrong in its way."""
    with receivers(tmp_path_factory.mktemp("receivers")) as made:
        yield made


@BOTH
def test_a_good_push_is_accepted_and_makes_no_series(wrong: Receivers, protocol: str) -> None:
    """What the doctor sends comes out nowhere; what the exporter sends does."""
    given = environ(ENDPOINT=wrong.url("plain", protocol), PROTOCOL=protocol)
    before = httpx.get(f"http://{wrong.exporter}/metrics").text
    for _ in range(3):
        assert verdict(given).id == PASSED
    assert httpx.get(f"http://{wrong.exporter}/metrics").text == before
    accepts(given)
    assert "doctor_gauge" in httpx.get(f"http://{wrong.exporter}/metrics").text


@BOTH
def test_a_stopped_collector(protocol: str) -> None:
    """Nobody listens."""
    finding = refuses(environ(ENDPOINT=f"http://127.0.0.1:{free_port()}", PROTOCOL=protocol), "refused")
    assert "connection refused" in finding.found


@BOTH
def test_a_name_that_has_no_address(protocol: str) -> None:
    """By the resolver of this machine."""
    finding = refuses(environ(ENDPOINT="http://collector.invalid:14318", PROTOCOL=protocol), "unresolved")
    assert finding.found.startswith("collector.invalid: ")


@pytest.mark.parametrize(("spoken", "named"), [("grpc", "http/protobuf"), ("http/protobuf", "grpc")])
@pytest.mark.parametrize("setup", ["plain", "tls"])
def test_the_other_protocol(wrong: Receivers, setup: str, spoken: str, named: str) -> None:
    """The port speaks the one, the settings name the other; the mend was tried, and mends."""
    scheme = "https" if setup == "tls" else "http"
    given = environ(ENDPOINT=wrong.url(setup, spoken, scheme), PROTOCOL=named, CERTIFICATE=wrong.ca)
    finding = refuses(given, "protocol")
    assert finding.mend == (f"{PREFIX}PROTOCOL={spoken} (tried: accepted)",)
    accepts(mended(given, finding))


def test_the_protocols_own_port_gets_no_credentials(
    wrong: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried first; who listens there is not known."""
    with otlp_sink() as sink:
        port = urlsplit(sink.url).port
        monkeypatch.setitem(mends.PORTS, "http/protobuf", port)
        given = environ(ENDPOINT=wrong.url("plain", "grpc"), HEADERS=credentials(USER, TOKEN))
        finding = refuses(given, "protocol")
        assert finding.mend == (f"{PREFIX}ENDPOINT=http://127.0.0.1:{port} (tried: accepted)",)
        assert "authorization" not in sink.headers
        accepts(mended(given, finding))
        assert "authorization" in sink.headers


def test_the_signals_own_endpoint_without_its_path(wrong: Receivers) -> None:
    """OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used as it is."""
    url = wrong.url("plain")
    given = environ(METRICS_ENDPOINT=url)
    finding = refuses(given, "answer.404")
    assert finding.mend == (f"{PREFIX}METRICS_ENDPOINT={url}/v1/metrics (tried: accepted)",)
    accepts(mended(given, finding))


def test_the_general_endpoint_with_a_path_too_many(wrong: Receivers) -> None:
    """/v1/metrics is added to OTEL_EXPORTER_OTLP_ENDPOINT."""
    url = wrong.url("plain")
    given = environ(ENDPOINT=f"{url}/v1/metrics")
    finding = refuses(given, "answer.404")
    assert "/v1/metrics/v1/metrics answers 404" in finding.found
    assert finding.mend == (f"{PREFIX}ENDPOINT={url} (tried: accepted)",)
    accepts(mended(given, finding))


def test_a_receiver_at_another_path(wrong: Receivers) -> None:
    """As Grafana Cloud has it: the paths of well-known receivers are tried."""
    url = wrong.url("other_path")
    given = environ(ENDPOINT=url)
    finding = refuses(given, "answer.404")
    assert finding.mend == (f"{PREFIX}ENDPOINT={url}/otlp (tried: accepted)",)
    accepts(mended(given, finding))


@BOTH
@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("x-scope=1", "no authorization header is sent (only x-scope)"),
        (credentials(USER, "wrong"), "a well-formed Basic header is sent: its user or token is wrong"),
    ],
)
def test_credentials_that_are_missing_or_wrong(
    wrong: Receivers, protocol: str, headers: str, reason: str
) -> None:
    """401; the reason is told, the secret never."""
    given = environ(ENDPOINT=wrong.url("auth", protocol), PROTOCOL=protocol, HEADERS=headers)
    finding = refuses(given, "answer.401")
    assert reason in finding.found
    assert headers.rpartition("%20")[2] not in str(finding)
    assert finding.mend[0].startswith(f"{PREFIX}HEADERS=Authorization=Basic%20")
    accepts({**given, PREFIX + "HEADERS": credentials(USER, TOKEN)})


@BOTH
def test_a_certificate_of_an_authority_that_is_not_trusted(wrong: Receivers, protocol: str) -> None:
    """The certificate is described; the authority's file is the mend."""
    given = environ(ENDPOINT=wrong.url("tls", protocol, "https"), PROTOCOL=protocol)
    finding = refuses(given, "tls.untrusted")
    assert f"it is for 127.0.0.1, from {AUTHORITY}" in finding.found
    assert finding.mend[0].startswith(f"{PREFIX}CERTIFICATE=")
    accepts({**given, PREFIX + "CERTIFICATE": str(wrong.ca)})


def test_the_authorities_of_the_environment(wrong: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE is trusted where the settings name no file of their own, and only there."""
    url = wrong.url("tls", scheme="https")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wrong.ca))
    accepts(environ(ENDPOINT=url))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wrong.client))
    finding = refuses(environ(ENDPOINT=url), "tls.untrusted")
    assert finding.mend[0].endswith(f"(now {wrong.client})")
    accepts(environ(ENDPOINT=url, CERTIFICATE=wrong.ca))


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_name(wrong: Receivers, protocol: str, host: str) -> None:
    """The name that it is for is told, whether an address or a name was asked for."""
    url = wrong.url("other_name", protocol, "https").replace("127.0.0.1", host)
    finding = refuses(environ(ENDPOINT=url, PROTOCOL=protocol, CERTIFICATE=wrong.ca), "tls.hostname")
    assert "it is for collector.example" in finding.found


@BOTH
def test_a_certificate_whose_time_is_over(wrong: Receivers, protocol: str) -> None:
    """The day on which it ended is told."""
    url = wrong.url("expired", protocol, "https")
    finding = refuses(environ(ENDPOINT=url, PROTOCOL=protocol, CERTIFICATE=wrong.ca), "tls.expired")
    assert "until Jan  2 00:00:00 2020" in finding.found


@BOTH
def test_plain_words_to_a_port_with_tls(wrong: Receivers, protocol: str) -> None:
    """http:// where https:// is spoken."""
    given = environ(ENDPOINT=wrong.url("tls", protocol), PROTOCOL=protocol, CERTIFICATE=wrong.ca)
    finding = refuses(given, "tls.wanted")
    accepts(mended(given, finding))


@BOTH
def test_tls_to_a_port_without(wrong: Receivers, protocol: str) -> None:
    """https:// where http:// is spoken."""
    given = environ(ENDPOINT=wrong.url("plain", protocol, "https"), PROTOCOL=protocol)
    finding = refuses(given, "tls.unwanted")
    accepts(mended(given, finding))


@BOTH
def test_a_server_that_wants_a_certificate_of_ours(wrong: Receivers, protocol: str) -> None:
    """Both files are the mend."""
    url = wrong.url("client", protocol, "https")
    given = environ(ENDPOINT=url, PROTOCOL=protocol, CERTIFICATE=wrong.ca)
    finding = refuses(given, "tls.client")
    files = dict(zip(mended({}, finding), map(str, (wrong.client, wrong.client_key)), strict=True))
    accepts({**given, **files})


@BOTH
def test_an_authority_file_that_holds_none(wrong: Receivers, protocol: str) -> None:
    """A key instead of a certificate."""
    url = wrong.url("tls", protocol, "https")
    finding = refuses(environ(ENDPOINT=url, PROTOCOL=protocol, CERTIFICATE=wrong.client_key), "tls")
    assert "with certificates in PEM" in finding.mend[0]


def test_traces_to_a_collector_without_traces(wrong: Receivers) -> None:
    """Each signal has its own verdict where the metrics arrive."""
    given = {**environ(ENDPOINT=wrong.url("plain")), "OTEL_TRACES_EXPORTER": "otlp"}
    metrics, traces = pushes(Subject(given))
    assert (metrics.id, traces.id) == (PASSED, "answer.404")
    assert traces.found.startswith(f"{wrong.url('plain')}/v1/traces answers 404")
    assert traces.mend[0].startswith("OTEL_TRACES_EXPORTER=none")


def test_one_place_at_fault_is_one_fault(wrong: Receivers) -> None:
    """Metrics and traces to the same wrong port are not said twice."""
    given = {**environ(ENDPOINT=wrong.url("plain", "grpc")), "OTEL_TRACES_EXPORTER": "otlp"}
    assert [finding.id for finding in pushes(Subject(given))] == ["protocol"]


def test_a_wrong_path_is_of_one_signal(wrong: Receivers) -> None:
    """The other has a path of its own, and its own verdict."""
    given = environ(METRICS_ENDPOINT=wrong.url("plain"), ENDPOINT=wrong.url("plain"))
    found = list(pushes(Subject({**given, "OTEL_TRACES_EXPORTER": "otlp"})))
    assert [finding.found.partition(" ")[0] for finding in found] == [
        wrong.url("plain"),
        f"{wrong.url('plain')}/v1/traces",
    ]
