"""OTEL_* variables and modes: the API's variables, and the user's that contradict a mode."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.stack.environment import FINGERPRINT
from scripts.stack.errors import StackError
from scripts.stack.modes import ALL_PORTS, MODES, OTLP, SCRAPE
from telemetry.push.target import ENDPOINT, PREFIX, target
from telemetry.settings import Settings, SettingsError, load

HOST = "127.0.0.1"
EXPORTER, DISABLED = "OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"
ENDPOINTS = (f"{PREFIX}METRICS_ENDPOINT", ENDPOINT)
RECEIVER = "/api/v1/otlp/v1/metrics"


class _Against(Exception):  # noqa: N818 - a variable, and what it would lead to
    """A variable that does not go with a mode."""


def exporting(mode: str, ports: Mapping[str, int], environ: Mapping[str, str]) -> dict[str, str]:
    """The API's variables beside `environ`, so that Prometheus has its numbers exactly once.

    `environ`: variables as environment.record has them. StackError names a variable that contradicts the
    mode, and the other mode only if the variables fit it.
    """
    try:
        return _CHECKS[mode](ports, environ)
    except _Against as error:
        name, otherwise = error.args
    except SettingsError as error:
        raise StackError(str(error)) from error
    value = "" if environ[name].startswith(FINGERPRINT) else f"={environ[name]}"
    other = next(one for one in MODES if one != mode)
    command = "make up" if mode == OTLP else f"make up MODE={OTLP}"
    way = f", or run `{command}`" if _goes(other, ports, environ) else ""
    raise StackError(f"{name}{value} does not go with mode {mode}: {otherwise}. Unset it{way}.")


def _goes(mode: str, ports: Mapping[str, int], environ: Mapping[str, str]) -> bool:
    """Whether variables go with a mode; of ports that only it has, with their defaults."""
    try:
        _CHECKS[mode]({**{name: port for name, (_, port) in ALL_PORTS.items()}, **ports}, environ)
    except (_Against, SettingsError):
        return False
    return True


def _scraped(ports: Mapping[str, int], environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing: /metrics is the default. Pushing elsewhere as well is a person's own matter."""
    settings = load(environ)
    if not settings.prometheus:
        raise _without_data(settings)
    if settings.otlp and _pushed_to(environ) in _places(ports["prometheus"], RECEIVER):
        raise _Against(EXPORTER, "Prometheus would scrape the API and be pushed to, and count all twice")
    return {}


def _pushing(ports: Mapping[str, int], environ: Mapping[str, str]) -> dict[str, str]:
    """The exporter and the collector's address, unless `environ` sets them."""
    settings = load({EXPORTER: OTLP, **environ})
    if not settings.otlp:
        raise _without_data(settings)
    grpc = target("metrics", _ending(environ, "_PROTOCOL")).protocol == "grpc"
    port = ports["collector-grpc" if grpc else "collector"]
    given = {EXPORTER: environ.get(EXPORTER, OTLP)}
    named = next((name for name in ENDPOINTS if name in environ), None)
    if named is None:
        return {**given, ENDPOINT: f"http://{HOST}:{port}"}
    if _pushed_to(environ) not in _places(port, "" if grpc else "/v1/metrics"):
        raise _Against(named, f"the API would push past the collector, which is at {HOST}:{port}")
    return given


_CHECKS = {SCRAPE: _scraped, OTLP: _pushing}


def _pushed_to(environ: Mapping[str, str]) -> str:
    """Where metrics go; "" for an address with credentials, for which nothing of this stack asks."""
    named = _ending(environ, "_ENDPOINT", "_PROTOCOL")
    if any(value.startswith(FINGERPRINT) for value in named.values()):
        return ""
    return target("metrics", named).endpoint.rstrip("/")


def _ending(environ: Mapping[str, str], *ends: str) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.endswith(ends)}


def _places(port: int, path: str) -> set[str]:
    """A port of this machine as it may be written; over grpc without a scheme, too."""
    return {f"{scheme}{host}:{port}{path}" for scheme in ("http://", "") for host in (HOST, "localhost")}


def _without_data(settings: Settings) -> _Against:
    return _Against(
        DISABLED if settings.sdk_disabled else EXPORTER, "Prometheus would have no data of the API"
    )
