"""Numbers of a page of metrics: a served one's, or those of a pipeline in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from support.servers import HTTP

from telemetry.testing import Recorded

REQUESTS = "http_requests_total"


def page(url: str) -> str:
    """The text of a server's /metrics, by a connection of its own, so that any worker may answer."""
    answer = HTTP.get(f"{url}/metrics", headers={"connection": "close"}, timeout=30)
    return answer.raise_for_status().text


def samples(text: str, name: str = REQUESTS, **labels: str) -> Iterator[Any]:
    """The samples of one name that have these labels."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample


def total(text: str, name: str = REQUESTS, **labels: str) -> float:
    """The sum of those samples."""
    return float(sum(sample.value for sample in samples(text, name, **labels)))


def requests_by(*labels: str) -> Callable[[Recorded], dict[tuple[str, ...], float]]:
    """Reads how many requests are counted, by the values of these labels; what is at 0 is left out."""

    def counted(metrics: Recorded) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for sample in samples(metrics.text())
            if sample.value
        }

    return counted


def value_or_zero(metrics: Recorded, name: str, **labels: str) -> float:
    """The value of a series, 0 where nothing was ever recorded."""
    return metrics.series(name).get(frozenset(labels.items()), 0)
