"""Registries: what a pipeline records beside the engine's own metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telemetry.builtin import BUILTIN, errors_total
from telemetry.catalog import CATALOG
from telemetry.pipeline import Pipeline
from telemetry.record.registry import Extension, Registry
from telemetry.record.schema import CatalogError, Label, Metric
from telemetry.registries import catalogue
from telemetry.settings import load
from telemetry.testing import Recorded, strictness

ORDERS = Metric("orders_total", "counter", "{order}", "Orders placed", (Label("shop"),))
SECONDS = Metric("checkout_seconds", "histogram", "s", "Time of a checkout", (), (0.1, 1.0))
QUEUE = Metric("queue_length", "gauge", "{job}", "Jobs that wait", ())


@pytest.fixture
def shop() -> Registry:
    """A registry of somebody else's."""
    registry = Registry({"errors_total": Extension((("no_stock", "shop"),))})
    registry.counter(ORDERS)
    registry.histogram(SECONDS)
    registry.gauge(QUEUE)
    return registry


@pytest.fixture
def recorded(shop: Registry) -> Iterator[Recorded]:
    """A pipeline that has this registry alone beside the engine's."""
    pipeline = Pipeline(load({}), {}, registries=[shop])
    with strictness():
        yield Recorded(pipeline)
    pipeline.shutdown()


def test_a_pipeline_shows_the_engines_metrics_and_those_of_its_registries(
    shop: Registry, recorded: Recorded
) -> None:
    """And none of ReviewLens's, whose registry it was not given."""
    shop.handles["orders_total"].labels(shop="a").inc(2)
    shop.handles["queue_length"].labels().set(3)
    families = {line.split()[2] for line in recorded.text().splitlines() if line.startswith("# TYPE")}
    own = {"orders_total", "checkout_seconds", "queue_length"}
    assert families == {*own, "errors_total", "telemetry_overflow_total"}
    assert recorded.value("orders_total", shop="a") == 2


def test_an_extension_adds_label_sets_at_0_in_that_pipeline_alone(recorded: Recorded) -> None:
    """What another registry added to the same metric before is not there."""
    pairs = {frozenset(pair) for pair in ((("error_type", e), ("component", c)) for e, c in PAIRS)}
    assert recorded.series("errors_total") == dict.fromkeys(pairs, 0.0)


PAIRS = [("no_stock", "shop"), *BUILTIN.metrics["errors_total"].preinitialised]


def test_the_overflow_of_each_open_metric_is_there_at_0(recorded: Recorded) -> None:
    """Of the engine's metrics, and of each registry's."""
    names = {dict(labels)["metric"] for labels in recorded.series("telemetry_overflow_total")}
    assert names == {*(name for name, row in BUILTIN.metrics.items() if row.is_open), "orders_total"}


def test_a_registry_refuses_a_name_that_it_has_and_another_kind(shop: Registry) -> None:
    """When the metric is added, with its name."""
    with pytest.raises(CatalogError, match="'orders_total': the registry has this name already"):
        shop.counter(ORDERS)
    with pytest.raises(CatalogError, match="'queue_length': kind 'gauge', expected 'counter'"):
        Registry().counter(QUEUE)


def test_two_registries_have_no_name_in_common() -> None:
    """The engine's names are taken, too."""
    with pytest.raises(CatalogError, match="stands twice"):
        catalogue([errors_total.metric], [])
    with pytest.raises(CatalogError, match="stands twice"):
        catalogue([ORDERS, ORDERS], [])


def test_an_extension_of_no_metric_is_refused() -> None:
    """Its label sets would be nowhere."""
    with pytest.raises(CatalogError, match="an extension is for 'eggs_total', expected one of http_"):
        catalogue([], [("eggs_total", Extension())])


def test_the_service_has_the_engines_metrics_first() -> None:
    """As its own registry does not hold them."""
    assert [metric.name for metric in CATALOG][: len(BUILTIN.metrics)] == list(BUILTIN.metrics)
