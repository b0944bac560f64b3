"""Our metrics, and a registry with the rest, as text: 0.0.4, or OpenMetrics when asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, exposition
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from telemetry.guard import guard
from telemetry.posix import forkable_lock
from telemetry.scrape.families import Families, named
from telemetry.scrape.negotiation import UNDERSCORES, Format, chosen
from telemetry.scrape.page import Scraped
from telemetry.words import say_once


class Exposition:
    """The page of /metrics. Scrapes at the same time wait for each other: the exporter's collector hands its
    snapshot over through a queue, and two readers of it would mix.

    `also`: a registry of somebody else's; where it fails, the page is without it.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        ours: Scraped | None = None,
        also: Collector | None = None,
    ) -> None:
        self._registry = registry
        self._ours = ours
        self._also = also
        self._lock = forkable_lock(self)

    def render(self, accept: str = "", only: Collection[str] | None = None) -> tuple[bytes, str]:
        """The body and its content type, for an Accept header; `only`: the samples of these names."""
        pieces, content_type = self.pieces(accept, only)
        return b"".join(pieces), content_type

    def pieces(self, accept: str = "", only: Collection[str] | None = None) -> tuple[list[bytes], str]:
        """The same in pieces: what is copied at once, for a slow reader, stops nobody for long."""
        form = chosen(accept)
        with self._lock:
            ours = self._ours.render(form.is_openmetrics) if self._ours else []
            rest = Families(self._registries(), self._ours.names if self._ours else (), only)
            return [*(ours if only is None else named(ours, only)), _encoded(rest, form)], form.content_type

    def _registries(self) -> Iterable[Collector]:
        return (self._registry,) if self._also is None else (self._registry, _Guarded(self._also))


def client_registry(is_shared: bool) -> Collector:
    """prometheus_client's own metrics: of this process, or, in its multiprocess mode, of all.

    `is_shared`: this process is one of several.
    """
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        several = CollectorRegistry()
        MultiProcessCollector(several)  # type: ignore[no-untyped-call]
        return several
    if is_shared:
        say_once(
            "prometheus_client counts for each worker alone, and a scrape shows one of them: set "
            "PROMETHEUS_MULTIPROC_DIR to an empty folder"
        )
    return REGISTRY


class _Guarded:
    """Somebody's registry, empty where it fails."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def collect(self) -> Iterable[Any]:
        """All of it, or nothing."""
        try:
            return [*self._inner.collect()]
        except Exception as error:
            guard.report("render", "prometheus_client's registry is not shown: %s", error)
            return ()


def _encoded(rest: Families, form: Format) -> bytes:
    encode: Callable[..., bytes] = (openmetrics if form.is_openmetrics else exposition).generate_latest
    return encode(rest, escaping=form.escaping or UNDERSCORES)
