"""What is examined: an environment, and what else is given about where its numbers go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from telemetry.doctor.product import ExaminedProgram
from telemetry.push.target import PushTarget, target
from telemetry.settings import LISTENER_HOST, Settings, SettingsError, Signal, load

T = TypeVar("T")

# Wrong, these leave it plain where a push goes, and an empty one can be sent.
BESIDE_THE_POINT = ("_TIMEOUT", "_COMPRESSION")


@dataclass(frozen=True)
class Subject:
    """What the checks look at. Seconds and URLs; empty or None means: not given.

    `values`: how many values a label takes, for the estimate. `offline`: nothing is contacted.
    """

    environ: Mapping[str, str]
    product: ExaminedProgram = field(default_factory=ExaminedProgram)
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    scrape_interval: float | None = None
    prometheus_url: str = ""
    metrics_url: str = ""
    docker: bool = False
    max_series: int | None = None
    max_points: int | None = None
    instances: int = 1
    values: Mapping[str, int] = field(default_factory=dict)
    timeout: float = 5.0
    offline: bool = False

    @cached_property
    def _read(self) -> tuple[Settings, tuple[SettingsError, ...]]:
        return lenient(load, self.environ)

    @property
    def settings(self) -> Settings:
        """The settings, with the default in place of every wrong one."""
        return self._read[0]

    @property
    def scraped_at(self) -> tuple[str, str, int]:
        """The variable that says where the metrics listen, its value, and the port."""
        if self.settings.listens:
            return LISTENER_HOST, self.settings.listener_host, self.settings.listener_port
        return self.product.host_variable, self.api_host, self.api_port

    @property
    def metrics_path(self) -> tuple[str, ...]:
        """The parts of the metrics' own path, which is no secret."""
        return tuple(self.settings.metrics_path.split("/"))

    @cached_property
    def targets(self) -> dict[Signal, PushTarget]:
        """Where each pushed signal goes, as far as its variables can be used."""
        return {
            signal: to
            for signal, (to, errors) in self._targets.items()
            if all(key_of(error).endswith(BESIDE_THE_POINT) for error in errors)
        }

    @cached_property
    def _targets(self) -> dict[Signal, tuple[PushTarget, tuple[SettingsError, ...]]]:
        return {
            signal: lenient(lambda environ, signal=signal: target(signal, environ), self.environ)  # type: ignore[misc]
            for signal in self.settings.pushed
        }

    @property
    def errors(self) -> tuple[SettingsError, ...]:
        """Every variable that cannot be used."""
        every = [*self._read[1], *(error for _, errors in self._targets.values() for error in errors)]
        return tuple({str(error): error for error in every}.values())

    def names(self, variable: str, signal: Signal) -> str:
        """The variable that decides for a signal: its own (OTEL_EXPORTER_OTLP_METRICS_*) or the general."""
        own = variable.replace("OTLP_", f"OTLP_{signal.upper()}_")
        return own if self.environ.get(own) else variable


def lenient(
    read: Callable[[Mapping[str, str]], T], environ: Mapping[str, str]
) -> tuple[T, tuple[SettingsError, ...]]:
    """What is read, with every wrong variable left out, and an error for each of them."""
    left = dict(environ)
    errors: list[SettingsError] = []
    while True:
        try:
            return read(left), tuple(errors)
        except SettingsError as error:
            errors.append(error)
            if left.pop(key_of(error), None) is None:
                raise


def key_of(error: SettingsError) -> str:
    """The variable that an error names."""
    return str(error).partition("=")[0]
