"""What a Prometheus knows: which targets expose our metrics, and whose series it stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from telemetry.doctor.proxies import get
from telemetry.secrets import cleaned, hidden_in, without_secrets

# On every path, from the first moment on.
METRIC = "http_requests_total"
# Metadata has a counter as it was scraped, with _total or without; a histogram has one name.
OF_A_TARGET = "http_request_duration_seconds"
# Long enough for the slowest usual scrape, short enough to leave out what has ended.
FRESH = "90s"
# The host of a container, by the compose files.
GATEWAY = "host.docker.internal"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Labels = Mapping[str, str]
T = TypeVar("T")


class BackendError(Exception):
    """Prometheus gave no usable answer; says the address and its words."""


@dataclass(frozen=True)
class Target:
    """A scrape target. `interval` in seconds."""

    labels: Labels
    url: str
    interval: float
    health: str
    error: str


@dataclass(frozen=True)
class Prometheus:
    """The query API at one address. `shown`: parts of the targets' paths that are no secret."""

    url: str
    timeout: float
    shown: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The address as a finding may show it."""
        return without_secrets(self.url)

    @cached_property
    def targets(self) -> list[Target]:
        """Every active target."""
        return self._asked(
            "targets", lambda data: list(map(self._target, data["activeTargets"])), state="active"
        )

    @cached_property
    def exposing(self) -> list[Target]:
        """The targets whose last scrape had our metrics: the service, or a collector before it."""
        labels = self._asked(
            "targets/metadata", lambda data: [row["target"] for row in data], metric=OF_A_TARGET
        )
        return [target for target in self.targets if target.labels in labels]

    def values(self, expr: str) -> list[tuple[Labels, float]]:
        """An instant query: labels and value of each series."""
        return self._asked(
            "query",
            lambda data: [(row["metric"], float(row["value"][1])) for row in data["result"]],
            query=expr,
        )

    def _target(self, row: Any) -> Target:
        return Target(
            row["labels"],
            without_secrets(row["scrapeUrl"], *self.shown),
            seconds(row["scrapeInterval"]),
            row["health"],
            cleaned(row["lastError"], hidden_in(row["scrapeUrl"])),
        )

    def _asked(self, path: str, read: Callable[[Any], T], **parameters: str) -> T:
        """What is read from an answer's data."""
        import requests

        from telemetry.push.failures import in_words

        url, where = (f"{each.rstrip('/')}/api/v1/{path}" for each in (self.url, self.where))
        try:
            response = get(url, params=parameters, timeout=self.timeout)
        except requests.RequestException as error:
            raise BackendError(f"{where}: {in_words(error)}") from error
        try:
            body = response.json()
            if body["status"] == "success":
                return read(body["data"])
            words = cleaned(str(body["error"]), hidden_in(self.url))
        except (ValueError, KeyError, TypeError, AttributeError):
            kind = response.headers.get("content-type", "no type").partition(";")[0]
            words = f"{response.status_code} with {kind}, which is no answer of a Prometheus"
        raise BackendError(f"{where}: {words}")


def seconds(text: str) -> float:
    """A duration as Prometheus writes it (1m30s) in seconds."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", text))
