"""What messages show of an address: where it is, and no secret of it, however it is written."""

from __future__ import annotations

import pytest

from telemetry.otlp import target
from telemetry.secrets import cleaned, hidden_in, without_secrets
from telemetry.settings import SettingsError

SHOWN = {
    "http://localhost:4318/v1/metrics": "http://localhost:4318/v1/metrics",
    "localhost:4317": "localhost:4317",
    "https://[::1]:4318/otlp": "https://[::1]:4318/otlp",
    "HTTPS://user:S@host/a": "HTTPS://host/a",
    "https://S@host/a?S=S#S": "https://host/a",
    "https://host/a#S": "https://host/a",
    "https://u:S/S@host:1/a": "https://host:1/a",
    "https://u:S@S@host:1/a": "https://host:1/a",
    "https://u:S#S@host:1/a": "https://host:1/a",
    "https://u:S?S@host:1/a": "https://...",
    "redis://:S:S/0": "redis://...",
    "u:S@host:4317": "host:4317",
    "https://host/hooks/S0S1S2S3S4S5S6/v1": "https://host/hooks/.../v1",
    "https://host/SSSSSSSSSSSSSSSSSSSSSSSSSS": "https://host/...",
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
        "Max retries exceeded with url: /hooks/.../v1 (Caused by x)"
    ),
    "Cannot connect to 'https://u:S@host:1/a?S'": "Cannot connect to 'https://host:1/a'",
    "(http://host/a#S) u:S@host refused": "(http://host/a) host refused",
    "no POST /v1/metrics?S here": "no POST /v1/metrics here",
    "at http://u:S@host:9090: refused; see http://host/a?S, or host.": (
        "at http://host:9090: refused; see http://host/a, or host."
    ),
    "the answer (text/html) is 404, or 401?": "the answer (text/html) is 404, or 401?",
}


@pytest.mark.parametrize("words", SAID)
def test_addresses_in_the_words_of_others(words: str) -> None:
    """Exceptions of HTTP clients hold the whole address, or its path and query."""
    assert cleaned(words) == SAID[words]


def test_a_secret_that_is_repeated_is_not_shown() -> None:
    """The longest first: one may be a part of another. What is too short to be one stays."""
    assert (
        cleaned("no Bearer abcdefgh-1, abcdefgh, 1", ["abcdefgh", "abcdefgh-1", "1"])
        == "no Bearer ..., ..., 1"
    )
    basic = "dTpwYSBzcw=="
    assert hidden_in("https://u:pa%20ss@host/a?key=value") == {
        *("u", "pa%20ss", "pa ss", "key", "value", "u:pa%20ss", "u:pa ss"),
        basic,
    }
    assert hidden_in("https://host/a") == set()


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
