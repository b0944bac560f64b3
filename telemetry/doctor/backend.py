"""What a Prometheus knows: which targets expose our metrics, and whose series it stores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
    """The query API at one address."""

    url: str
    timeout: float

    @property
    def where(self) -> str:
        """The address as a finding may show it."""
        return without_secrets(self.url)

    @cached_property
    def targets(self) -> list[Target]:
        """Every active target."""
        return [
            Target(
                row["labels"],
                without_secrets(row["scrapeUrl"]),
                seconds(row["scrapeInterval"]),
                row["health"],
                cleaned(row["lastError"], hidden_in(row["scrapeUrl"])),
            )
            for row in self._get("targets", state="active")["activeTargets"]
        ]

    @cached_property
    def exposing(self) -> list[Target]:
        """The targets whose last scrape had our metrics: the service, or a collector before it."""
        labels = [row["target"] for row in self._get("targets/metadata", metric=OF_A_TARGET)]
        return [target for target in self.targets if target.labels in labels]

    def values(self, expr: str) -> list[tuple[Labels, float]]:
        """An instant query: labels and value of each series."""
        rows = self._get("query", query=expr)["result"]
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def _get(self, path: str, **parameters: str) -> Any:
        import requests

        url, where = (f"{each.rstrip('/')}/api/v1/{path}" for each in (self.url, self.where))
        try:
            body = get(url, params=parameters, timeout=self.timeout).json()
        except (requests.RequestException, ValueError) as error:
            raise BackendError(f"{where}: {type(error).__name__}") from error
        if not isinstance(body, dict) or body.get("status") != "success":
            words = body.get("error") if isinstance(body, dict) else body
            raise BackendError(f"{where}: {cleaned(str(words), hidden_in(self.url))}")
        return body["data"]


def seconds(text: str) -> float:
    """A duration as Prometheus writes it (1m30s) in seconds."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", text))
