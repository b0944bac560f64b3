"""What messages show of an address: where it is, and no secret of it, however it is written."""

from __future__ import annotations

import pytest

from telemetry.push.target import target
from telemetry.secrets import cleaned, hidden_in, without_secrets
from telemetry.settings import SettingsError

SHOWN = {
    "http://localhost:4318/v1/metrics": "http://localhost:4318/v1/metrics",
    "localhost:4317": "localhost:4317",
    "https://[::1]:4318/otlp": "https://[::1]:4318/otlp",
    "HTTPS://user:S@host/a": "HTTPS://host/...",
    "https://S@host/api?S=S#S": "https://host/api",
    "https://host/#S": "https://host/",
    "https://u:S/S@host:1/a": "https://host:1/...",
    "https://u:S@S@host:1": "https://host:1",
    "https://u:S#S@host:1/": "https://host:1/",
    "https://u:S?S@host:1/a": "https://...",
    "redis://u:S@host:6379/2": "redis://host:6379/2",
    "redis://:S:S/0": "redis://...",
    "u:S@host:4317": "host:4317",
    "https://host/hooks/S/v1/metrics": "https://host/.../v1/metrics",
    "https://host/v1/S": "https://host/v1/...",
    "unix:///run/redis-server-7/redis-server-7.sock": "unix:///run/redis-server-7/redis-server-7.sock",
    "//u:S@host": "//host",
    "https://u:S@": "https://",
    "": "",
}
WRONG = ["ftp://u:S@host/a?S", "http://u:S/S@host:x", "//u:S@S#S@host", "http://u:S?S@:0", "//host/?S"]


@pytest.mark.parametrize("url", SHOWN)
def test_an_address_without_its_secrets(url: str) -> None:
    """Malformed ones too: what may be a secret is dots."""
    given = without_secrets(url)
    assert given.removeprefix("//") == SHOWN[url].removeprefix("//")
    assert "S" not in given.removeprefix("HTTPS")


@pytest.mark.parametrize("url", WRONG)
def test_a_refused_endpoint_is_shown_without_its_secrets(url: str) -> None:
    """The line that ends a start goes into logs."""
    with pytest.raises(SettingsError) as error:
        target("metrics", {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    shown = str(error.value).partition("=")[2].partition(": expected ")[0]
    assert shown
    assert "S" not in shown


SAID = {
    "Max retries exceeded with url: /hooks/S0S1S2S3S4S5/v1?key=S (Caused by x)": (
        "Max retries exceeded with url: /.../v1 (Caused by x)"
    ),
    "Cannot connect to 'https://u:S@host:1/S?S'": "Cannot connect to 'https://host:1/...'",
    "(http://host/S#S) u:S@host refused": "(http://host/...) host refused",
    "no answer: http://u:S@127.0.0.1:9090: ConnectError": "no answer: http://127.0.0.1:9090: ConnectError",
    "http://[::1]:1/S, u:S@host:1; http://host:1!": "http://[::1]:1/..., host:1; http://host:1!",
    "asked http://host:1/S/. It": "asked http://host:1/.../. It",
    "no POST /v1/metrics?S here": "no POST /v1/metrics here",
    "the answer (text/html) is 404, or 401?": "the answer (text/html) is 404, or 401?",
}


@pytest.mark.parametrize("words", SAID)
def test_addresses_in_the_words_of_others(words: str) -> None:
    """Exceptions of HTTP clients hold the whole address, or its path and query."""
    assert cleaned(words) == SAID[words]


def test_what_is_ours_of_a_path_is_shown() -> None:
    """The name of a file that this project asks for, below an address that somebody else gives."""
    given = "https://u:S@host:1/S/S/prometheus-3.5.3.tar.gz?S"
    assert without_secrets(given, "prometheus-3.5.3.tar.gz") == "https://host:1/.../prometheus-3.5.3.tar.gz"


@pytest.mark.parametrize("words", SAID)
def test_what_is_shown_once_stays_as_it_is(words: str) -> None:
    """An error's words go through more than one room."""
    assert cleaned(SAID[words]) == SAID[words]


def test_a_secret_that_is_repeated_is_not_shown() -> None:
    """The longest first: one may be a part of another. What is too short to be one stays."""
    assert (
        cleaned("no Bearer abcdefgh-1, abcdefgh, 1", ["abcdefgh", "abcdefgh-1", "1"])
        == "no Bearer ..., ..., 1"
    )
    basic = "dTpwYSBzcw=="
    assert hidden_in("https://u:pa%20ss@host/api?key=value") == {
        *("u", "pa%20ss", "pa ss", "key", "value", "u:pa%20ss", "u:pa ss"),
        basic,
    }
    assert hidden_in("https://host/api") == set()


def test_a_target_hides_what_its_receiver_repeats() -> None:
    """The value of a header, its token alone, and a password in base64 or as it is."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://shop:SSSSSS1@host",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=SSSSSS2,x-other=Bearer SSSSSS3",
    }
    to = target("metrics", environ)
    said = " ".join([*(value for _, value in to.headers), "SSSSSS1 SSSSSS2 SSSSSS3"])
    assert "SSS" not in to.cleaned(said)
    assert to.headers[0][1].split()[1] not in to.cleaned(said)
