"""What a Prometheus knows: which targets expose our metrics, and whose series it stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from telemetry.doctor.prometheus import Prometheus, ScrapeTarget
from telemetry.secrets import cleaned, hidden_in, without_secrets

# On every path, from the first moment on.
METRIC = "http_requests_total"
# Metadata has a counter as it was scraped, with _total or without; a histogram has one name.
OF_A_TARGET = "http_request_duration_seconds"
# Long enough for the slowest usual scrape, short enough to leave out what has ended.
FRESH = "90s"
# The host of a container, by the compose files.
GATEWAY = "host.docker.internal"


@dataclass(frozen=True)
class Backend(Prometheus):
    """A Prometheus as a finding may show it. `shown`: parts of the targets' paths that are no secret."""

    shown: tuple[str, ...] = ()

    @cached_property
    def scraped(self) -> list[ScrapeTarget]:
        """Every active target."""
        return list(map(self._without_secrets, self.targets()))

    @cached_property
    def exposing(self) -> list[ScrapeTarget]:
        """The targets whose last scrape had our metrics: the service, or a collector before it."""
        labels = [row["target"] for row in self.api("targets/metadata", metric=OF_A_TARGET)]
        return [target for target in self.scraped if target.labels in labels]

    def _without_secrets(self, target: ScrapeTarget) -> ScrapeTarget:
        return replace(
            target,
            url=without_secrets(target.url, *self.shown),
            error=cleaned(target.error, hidden_in(target.url)),
        )
