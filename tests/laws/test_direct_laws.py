"""What handles write into cells, and what is rendered from them, is what the SDK and its exporter would say.

The oracle records with public calls of the SDK and renders with the official exporter. Ours is held to it as
it is, and as it is with an SDK of a shape that is not known, when it makes the same public calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from support.laws import examples

from telemetry import pipeline as root
from telemetry.catalog import BY_NAME
from telemetry.metrics import HANDLES
from telemetry.testing import recording

ACCEPT = "application/openmetrics-text"
# Those of which nothing is known beforehand.
NAMES = (
    "http_requests_total",
    "llm_calls_total",
    "llm_tokens_total",
    "dialogue_turns_total",
    "llm_duration_seconds",
    "http_request_duration_seconds",
    "evidence_count",
)
ODD = ["chair", "소음 %s", 'quote " and \\', "two\nlines", "", "%d%%", "a=b,c"]
AMOUNTS = st.one_of(
    st.integers(0, 400).map(lambda number: number / 8),
    st.sampled_from([0, 1e-7, 0.1 + 0.2, 999_999.0, 1e6, 123_456_789.0, 1e16, 2.5e20]),
    st.sampled_from(BY_NAME["llm_duration_seconds"].buckets),
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 10_000), AMOUNTS, st.booleans()), max_size=25
)
FEW = examples(60, suppress_health_check=[HealthCheck.too_slow])


def labels_of(name: str, number: int) -> dict[str, str]:
    """A label set that the metric takes, by a number."""
    labels = {}
    for label in BY_NAME[name].labels:
        values = label.values or ODD
        number, at = divmod(number, len(values))
        labels[label.name] = values[at]
    return labels


class Oracle:
    """The SDK's own aggregations, the official exporter, and a second reader."""

    def __init__(self) -> None:
        self.registry, self.second = CollectorRegistry(), InMemoryMetricReader()
        first = PrometheusMetricReader(
            disable_target_info=True, scope_info_enabled=False, registry=self.registry
        )
        readers: list[MetricReader] = [first, self.second]
        views = [
            View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(metric.buckets))
            for name, metric in BY_NAME.items()
            if metric.buckets
        ]
        meter = MeterProvider(readers, views=views, shutdown_on_exit=False).get_meter("oracle")
        self._record: dict[str, Any] = {}
        for name in NAMES:
            metric = BY_NAME[name]
            make = meter.create_histogram if metric.buckets else meter.create_counter
            instrument: Any = make(name, metric.unit, metric.description)
            self._record[name] = instrument.record if metric.buckets else instrument.add

    def record(self, name: str, labels: dict[str, str], amount: float) -> None:
        self._record[name](amount, labels)


def by_handle(name: str, labels: dict[str, str], amount: float) -> None:
    child = HANDLES[name].labels(**labels)
    (child.observe if BY_NAME[name].buckets else child.inc)(amount)


@contextmanager
def of_unknown_shape() -> Iterator[None]:
    """An SDK that cells cannot take a place in."""
    with patch.object(root, "unsupported", lambda: "another shape"):
        yield


def families(text: str) -> dict[str, str]:
    """The block of each metric, by name, of those that are compared."""
    blocks = re.split(r"^(?=# HELP )", text.removesuffix("# EOF\n"), flags=re.MULTILINE)
    named = {block.split(" ")[2]: block for block in blocks if block}
    return {
        name: block
        for name, block in named.items()
        if name in NAMES or f"{name}_total" in NAMES  # OpenMetrics leaves _total out there
    }


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """What a reader is told: attributes and numbers, by metric, in order."""
    data = reader.get_metrics_data()
    metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    return {
        metric.name: [
            (
                dict(point.attributes),
                getattr(point, "value", None),
                getattr(point, "sum", None),
                tuple(getattr(point, "bucket_counts", ())),
                tuple(getattr(point, "explicit_bounds", ())),
            )
            for point in metric.data.data_points
        ]
        for metric in metrics
        if metric.name in NAMES
    }


def test_both_ways_are_tried() -> None:
    """The one writes into cells, the other has none."""
    with recording() as ours:
        assert ours.pipeline._storage
    with of_unknown_shape(), recording() as ours:
        assert not ours.pipeline._storage


@pytest.mark.parametrize("known", [True, False], ids=["as it is", "of unknown shape"])
@FEW
@given(events=EVENTS)
def test_any_sequence_is_told_as_the_sdk_tells_it(known: bool, events: list[Any]) -> None:
    """In both formats to the letter, and to a second reader; recorded by handles, or by the instrument behind
    them, in turns."""
    oracle, second = Oracle(), InMemoryMetricReader()
    with (
        patch.object(root, "unsupported", root.unsupported if known else lambda: "another shape"),
        recording(readers=(second,)) as ours,
    ):
        for name, number, amount, by_instrument in events:
            labels = labels_of(name, number)
            oracle.record(name, labels, amount)
            if by_instrument:
                HANDLES[name].record(amount, labels)  # type: ignore[attr-defined]
            else:
                by_handle(name, labels, amount)
        assert families(ours.text()) == families(generate_latest(oracle.registry).decode())
        assert families(ours.text(ACCEPT)) == families(openmetrics(oracle.registry).decode())
        assert points(second) == points(oracle.second)


@FEW
@given(st.lists(st.tuples(st.sampled_from(NAMES), AMOUNTS, st.booleans()), min_size=1, max_size=15))
def test_exemplars_are_those_that_the_sdk_keeps(events: list[Any]) -> None:
    """Of sampled spans, the last of each bucket. Of a counter's the SDK keeps one by chance, we the last."""
    tracers = {
        sampled: TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF) for sampled in (True, False)
    }
    oracle, second = Oracle(), InMemoryMetricReader()
    traced = {"OTEL_TRACES_EXPORTER": "console"}
    with recording(traced, readers=(second,)) as ours:
        for name, amount, sampled in events:
            with tracers[sampled].get_tracer("test").start_as_current_span("span"):
                oracle.record(name, labels_of(name, 0), amount)
                by_handle(name, labels_of(name, 0), amount)
        ours_kept, theirs_kept = exemplars(second), exemplars(oracle.second)
        assert [exemplars(second) for _ in range(2)] == [ours_kept, {}], "each is told twice"
        text, plain = ours.text(ACCEPT), ours.text()
    assert {name: kept for name, kept in ours_kept.items() if BY_NAME[name].buckets} == {
        name: kept for name, kept in theirs_kept.items() if BY_NAME[name].buckets
    }
    assert ours_kept.keys() == theirs_kept.keys()
    shown = [line for block in families(text).values() for line in block.splitlines() if " # {" in line]
    assert len(shown) == sum(len(kept) for kept in ours_kept.values())
    assert " # {" not in plain


def exemplars(reader: InMemoryMetricReader) -> dict[str, set[Any]]:
    """Value and ids of each exemplar, by metric."""
    data = reader.get_metrics_data()
    metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    found = {
        metric.name: {(e.value, e.trace_id, e.span_id) for p in metric.data.data_points for e in p.exemplars}
        for metric in metrics
        if metric.name in NAMES
    }
    return {name: kept for name, kept in found.items() if kept}
