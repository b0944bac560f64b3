"""A proxy of the environment is never asked for a push to this machine, over either protocol."""

from __future__ import annotations

import pytest
from support.doctored import arrives, verdict
from support.otlp_sink import grpc_sink, otlp_sink
from support.servers import free_port

from telemetry.push.target import PREFIX, target

SINKS = {"http/protobuf": otlp_sink, "grpc": grpc_sink}


@pytest.mark.parametrize("protocol", SINKS)
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "grpc_proxy"])
def test_a_push_to_loopback_arrives_behind_a_dead_proxy(
    variable: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without NO_PROXY; nobody listens at the proxy's address. The doctor agrees."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    with SINKS[protocol]() as sink:
        given = {"OTEL_METRICS_EXPORTER": "otlp", **sink.environ}
        assert arrives(given)
        assert verdict(given).severity == "ok"


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://localhost:4317", True),
        ("localhost:4317", True),
        ("127.0.0.2:4317", True),
        ("[::1]:4317", True),
        ("collector:4317", False),
        ("http://localhost.example:4317", False),
    ],
)
def test_which_targets_are_on_this_machine(endpoint: str, local: bool) -> None:
    """With a scheme or without, as grpc takes both."""
    given = {f"{PREFIX}PROTOCOL": "grpc", f"{PREFIX}ENDPOINT": endpoint}
    assert target("metrics", given).local is local
