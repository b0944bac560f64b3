"""What messages show of an address: where it is, and no secret of it, however it is written."""

from __future__ import annotations

import pytest

from telemetry.otlp import target
from telemetry.secrets import without_secrets
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
