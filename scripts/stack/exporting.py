"""OTEL_* variables and modes: what the API is given, and what of a person's own does not go with a mode."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.stack.environment import FINGERPRINT
from scripts.stack.errors import StackError
from scripts.stack.modes import OTLP, SCRAPE
from telemetry.otlp import ENDPOINT, PREFIX, target
from telemetry.settings import Settings, SettingsError, load

HOST = "127.0.0.1"
EXPORTER, DISABLED = "OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"
ENDPOINTS = (f"{PREFIX}METRICS_ENDPOINT", ENDPOINT)
RECEIVER = "/api/v1/otlp/v1/metrics"


def exporting(mode: str, ports: Mapping[str, int], told: Mapping[str, str]) -> dict[str, str]:
    """What the API is given beside `told`, so that Prometheus has its numbers, and has them once.

    `told`: variables as environment.record has them. StackError names one that is against the mode.
    """
    try:
        return (_pushing if mode == OTLP else _scraped)(ports, told)
    except SettingsError as error:
        raise StackError(str(error)) from error


def _scraped(ports: Mapping[str, int], told: Mapping[str, str]) -> dict[str, str]:
    """Nothing: /metrics is the default. Pushing elsewhere as well is a person's own matter."""
    settings = load(told)
    if not settings.prometheus:
        raise _without_data(SCRAPE, told, settings)
    if settings.otlp and _pushed_to(told) in _places(ports["prometheus"], RECEIVER):
        raise _against(
            SCRAPE, EXPORTER, told, "Prometheus would scrape the API and be pushed to, and count all twice"
        )
    return {}


def _pushing(ports: Mapping[str, int], told: Mapping[str, str]) -> dict[str, str]:
    """The exporter and the collector's address, of those that `told` leaves open."""
    settings = load({EXPORTER: OTLP, **told})
    if not settings.otlp:
        raise _without_data(OTLP, told, settings)
    grpc = target("metrics", _ending(told, "_PROTOCOL")).protocol == "grpc"
    port = ports["collector-grpc" if grpc else "collector"]
    given = {EXPORTER: told.get(EXPORTER, OTLP)}
    named = next((name for name in ENDPOINTS if name in told), None)
    if named is None:
        return {**given, ENDPOINT: f"http://{HOST}:{port}"}
    if _pushed_to(told) not in _places(port, "" if grpc else "/v1/metrics"):
        raise _against(OTLP, named, told, f"the API would push past the collector, which is at {HOST}:{port}")
    return given


def _pushed_to(told: Mapping[str, str]) -> str:
    """Where metrics go; "" for an address with credentials, for which nothing of this stack asks."""
    named = _ending(told, "_ENDPOINT", "_PROTOCOL")
    if any(value.startswith(FINGERPRINT) for value in named.values()):
        return ""
    return target("metrics", named).endpoint.rstrip("/")


def _ending(told: Mapping[str, str], *ends: str) -> dict[str, str]:
    return {name: value for name, value in told.items() if name.endswith(ends)}


def _places(port: int, path: str) -> set[str]:
    """A port of this machine as it may be written; over grpc without a scheme, too."""
    return {f"{scheme}{host}:{port}{path}" for scheme in ("http://", "") for host in (HOST, "localhost")}


def _without_data(mode: str, told: Mapping[str, str], settings: Settings) -> StackError:
    name = DISABLED if settings.sdk_disabled else EXPORTER
    return _against(mode, name, told, "Prometheus would have no data of the API")


def _against(mode: str, name: str, told: Mapping[str, str], otherwise: str) -> StackError:
    value = "" if told[name].startswith(FINGERPRINT) else f"={told[name]}"
    other = "" if name == DISABLED else f", or run `make up{'' if mode == OTLP else f' MODE={OTLP}'}`"
    return StackError(f"{name}{value} does not go with mode {mode}: {otherwise}. Unset it{other}.")
