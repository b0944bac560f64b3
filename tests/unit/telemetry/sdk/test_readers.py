"""What several workers have counted, put together; and what is done with an SDK of another shape."""

from __future__ import annotations

import fcntl
import math
import os
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader, MetricsData, ResourceMetrics
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, SumAggregation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, generate_latest

from telemetry.guard import guard
from telemetry.metrics import HANDLES, http_requests_total
from telemetry.pipeline import Pipeline
from telemetry.scrape.page import Scraped
from telemetry.scrape.sums_with_sdk import with_cells
from telemetry.sdk import readers as group
from telemetry.sdk.aggregation import CellStorage, CellSums
from telemetry.sdk.probe import unsupported
from telemetry.sdk.readers import GroupReader, in_cells
from telemetry.settings import load
from telemetry.store.cells import Cells
from telemetry.store.key import InstrumentKey, attributes_of, check, key_of, parse, scope_from, scope_of
from telemetry.store.reader import read
from telemetry.testing import Recorded
from telemetry.workers.worker import Worker

SCOPE = InstrumentationScope("m", "1.2", attributes={"a": "b"})
M = scope_of(SCOPE)


def opened(path: Path) -> Cells:
    return Cells(os.open(path, os.O_RDWR | os.O_CREAT))


def die(worker: Worker) -> None:
    """As a kill leaves it: the file stays, and nobody holds it."""
    assert worker._file is not None
    fcntl.flock(worker._file, fcntl.LOCK_UN)


def nothing() -> MetricsData:
    return MetricsData([ResourceMetrics(Resource.get_empty(), [], "")])


def points(data: MetricsData) -> list[Any]:
    """Every point there is."""
    (resource,) = data.resource_metrics
    metrics = [metric for scope in resource.scope_metrics for metric in scope.metrics]
    return [point for metric in metrics for point in metric.data.data_points]


def scraped(worker: Worker) -> Scraped:
    return Scraped("reviewlens", {}, worker.cells, worker=worker)


def group_reader(worker: Worker, registry: CollectorRegistry) -> GroupReader:
    return GroupReader(worker, scraped(worker), registry)


def others(worker: Worker) -> list[tuple[bytes, list[float]]]:
    return list(scraped(worker).third_party())


def provider(reader: MetricReader) -> MeterProvider:
    return MeterProvider([reader], shutdown_on_exit=False)


def test_a_key_is_read_back_and_knows_no_order() -> None:
    what = InstrumentKey(M, "name", "s", 'with "quotes"\n', (0.5, 1.0))
    key = key_of(what, {"b": "소음\n", "a": 1})
    assert parse(key)[0] == what
    assert attributes_of(parse(key)[1]) == {"a": 1, "b": "소음\n"}
    assert scope_from(what.scope) == SCOPE
    assert key == key_of(what, {"a": 1, "b": "소음\n"})
    assert key != key_of(what._replace(bounds=(0.5, 2.0)), {"a": 1, "b": "소음\n"})


def test_a_worker_that_has_nothing_yet_tells_of_the_others(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    other = opened(tmp_path / "1.cells")
    other.cell(key_of(InstrumentKey(M, "tea_total", "", "cups"), {"kind": "green"}), 1).add(0, 4)
    other.cell(key_of(InstrumentKey(M, "seconds", "s", "", (1.0,)), {}), 3).add_two(0, 2, 2, 0.5)
    provider(group_reader(Worker(tmp_path), registry))
    text = generate_latest(registry).decode()
    assert 'tea_total{kind="green"} 4.0' in text
    assert "# HELP tea_total cups" in text
    assert 'seconds_bucket{le="1.0"} 2.0' in text
    assert "seconds_count 2.0" in text
    assert "seconds_sum 0.5" in text


def test_a_release_may_change_words_and_buckets_of_a_metric_that_goes_on(tmp_path: Path) -> None:
    """A worker of an older release of the code, while a new one starts: each series is there once."""
    registry, worker = CollectorRegistry(), Worker(tmp_path)
    meter = provider(group_reader(worker, registry)).get_meter("m", "1.2", attributes={"a": "b"})
    meter.create_counter("tea_total", description="new words").add(1)
    meter.create_histogram("tea_seconds", "s", explicit_bucket_boundaries_advisory=(2, 5)).record(1)
    old = opened(tmp_path / "1.cells")
    old.cell(key_of(InstrumentKey(M, "tea_total", "", "old words"), {}), 1).add(0, 4)
    numbers = old.cell(key_of(InstrumentKey(M, "tea_seconds", "s", "", (1.0, 2.0, 4.0)), {}), 5)
    for at, amount in enumerate((1, 2, 4, 8, 99.5)):
        numbers.add(at, amount)
    lines = [line for line in generate_latest(registry).decode().splitlines() if line[0] != "#"]
    assert lines == [
        "tea_total 5.0",
        'tea_seconds_bucket{le="2"} 4.0',
        'tea_seconds_bucket{le="5"} 8.0',
        'tea_seconds_bucket{le="+Inf"} 16.0',
        "tea_seconds_count 16.0",
        "tea_seconds_sum 100.5",
    ]


@pytest.mark.parametrize(
    "attributes",
    [{"a": b"bytes"}, {"a": [1, 2]}, {"a": None}, {"a": {"b": ["c"]}}, {"a": math.nan}, {"a": "\ud800"}],
)
def test_attributes_of_any_kind_are_counted_and_merged(attributes: Any, tmp_path: Path) -> None:
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    workers = [Worker(tmp_path), Worker(tmp_path)]
    for reader, worker in zip(readers, workers, strict=True):
        in_cells(reader, CellStorage(worker.cells))
        provider(reader).get_meter("m").create_counter("tea_total").add(2, attributes)
    data = readers[0].get_metrics_data()
    assert data
    assert [point.value for point in points(with_cells(data, workers[0].cells, others(workers[0])))] == [4]


def test_values_that_python_holds_for_equal_stay_apart(tmp_path: Path) -> None:
    other = opened(tmp_path / "1.cells")
    for value in (1, True, 1.0, "1"):
        other.cell(key_of(InstrumentKey(M, "tea_total", "", ""), {"a": value}), 1).add(0, 1)
    found = points(with_cells(nothing(), Worker(tmp_path).cells, read(tmp_path / "1.cells")))
    assert [(repr(point.attributes["a"]), point.value) for point in found] == [
        ("1", 1),
        ("True", 1),
        ("1.0", 1),
        ("'1'", 1),
    ]


def test_meters_of_one_name_and_two_versions_are_two() -> None:
    cells, reader = Cells(), InMemoryMetricReader()
    in_cells(reader, CellStorage(cells))
    one = provider(reader)
    for version in ("1", "2"):
        one.get_meter("m", version).create_counter("tea_total").add(1)
    data = reader.get_metrics_data()
    assert data
    assert [point.value for point in points(with_cells(data, cells))] == [1, 1]


def test_a_series_that_comes_between_collecting_and_adding_up_is_there_once(tmp_path: Path) -> None:
    """Its worker goes on with a file: the total neither falls nor doubles for one scrape."""
    opened(tmp_path / "0.cells").cell(key_of(InstrumentKey(M, "tea_total", "", ""), {"a": "b"}), 1).add(0, 3)
    worker, reader = Worker(tmp_path), InMemoryMetricReader()
    in_cells(reader, CellStorage(worker.cells))
    tea = provider(reader).get_meter("m", "1.2", attributes={"a": "b"}).create_counter("tea_total")
    tea.add(1, {"a": "other"})
    before = reader.get_metrics_data()
    tea.add(1, {"a": "b"})
    after = reader.get_metrics_data()
    for data in (before, after):
        assert data
        assert sorted(point.value for point in points(with_cells(data, worker.cells))) == [1, 4]


def test_what_was_left_began_when_it_was_first_counted(tmp_path: Path) -> None:
    """A start that moves with every push is a reset to who turns totals into differences."""
    worker = Worker(tmp_path)
    worker.cells.cell(key_of(InstrumentKey(M, "tea_total", "", ""), {}), 1).add(0, 3)
    (point,) = points(with_cells(nothing(), worker.cells))
    assert point.start_time_unix_nano == worker.cells.began


def test_exemplars_and_other_kinds_are_as_they_were(tmp_path: Path) -> None:
    worker, reader = Worker(tmp_path), InMemoryMetricReader()
    in_cells(reader, CellStorage(worker.cells))
    one = MeterProvider([reader], exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False)
    meter = one.get_meter("m", "1.2", attributes={"a": "b"})
    meter.create_counter("tea_total").add(1)
    meter.create_histogram("seconds", "s", explicit_bucket_boundaries_advisory=(1,)).record(0.5)
    meter.create_up_down_counter("pots").add(-2)
    meter.create_gauge("degrees").set(90)
    other = opened(tmp_path / "1.cells")
    other.cell(key_of(InstrumentKey(M, "tea_total", "", ""), {}), 1).add(0, 3)
    other.cell(key_of(InstrumentKey(M, "seconds", "s", "", (1,)), {}), 3).add_two(1, 1, 2, 7)
    data = reader.get_metrics_data()
    assert data
    tea, seconds, pots, degrees = points(with_cells(data, worker.cells, others(worker)))
    assert (tea.value, [one.value for one in tea.exemplars]) == (4, [1])
    assert (seconds.sum, [one.value for one in seconds.exemplars]) == (7.5, [0.5])
    assert (pots.value, degrees.value) == (-2, 90)
    encoded = str(encode_metrics(data))
    assert "min:" not in encoded, "not kept, so not said to be 0"


def test_other_peoples_instruments_keep_to_the_sdks_limit_over_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "CellSums", lambda storage: CellSums(storage._replace(limit=10)))
    for process in range(3):
        worker, readers = Worker(tmp_path), [InMemoryMetricReader(), InMemoryMetricReader()]
        for reader in readers:
            in_cells(reader, CellStorage(worker.cells))
        tea = MeterProvider(readers, shutdown_on_exit=False).get_meter("m").create_counter("tea_total")
        for at in range(8):
            tea.add(1, {"a": f"{process} {at}"})
        for reader in readers:
            found = points(with_cells(reader.get_metrics_data() or nothing(), worker.cells))
            assert sum(point.value for point in found) == 8 * (process + 1)
            assert len(found) == len({str(point.attributes) for point in found}) == min(8 * process + 8, 11)
        die(worker)


def test_our_metrics_keep_to_their_bound_over_restarts(tmp_path: Path) -> None:
    """A stranger's label sets that an earlier process has left are the metric's own; what is announced is
    there under its own name all the same."""
    bound = HANDLES["http_requests_total"].metric.cardinality_limit
    for process in range(4):
        worker = Worker(tmp_path)
        pipeline = Pipeline(load({}), {}, worker=worker)
        try:
            http_requests_total.preinitialise(("GET", "/announced", "200"))
            for at in range(bound):
                http_requests_total.labels(method="GET", endpoint=f"/{process}/{at}", status_code="200").inc()
            shown = Recorded(pipeline).series("http_requests_total")
            assert sum(shown.values()) == bound * (process + 1)
            assert len(shown) <= bound
            assert not any("otel_metric_overflow" in dict(labels) for labels in shown)
            assert any(dict(labels)["endpoint"] == "/announced" for labels in shown)
        finally:
            pipeline.shutdown()
            die(worker)


def test_our_metrics_keep_to_their_bound_over_workers_at_once(tmp_path: Path) -> None:
    """Each takes in what the others have brought; together they have no more than one would."""
    bound = HANDLES["http_requests_total"].metric.cardinality_limit
    shown: dict[frozenset[tuple[str, str]], float] = {}
    for process in range(4):
        worker = Worker(tmp_path)  # not ended: its file is held
        pipeline = Pipeline(load({}), {}, worker=worker)
        try:
            for at in range(bound):
                http_requests_total.labels(method="GET", endpoint=f"/{process}/{at}", status_code="200").inc()
            shown = Recorded(pipeline).series("http_requests_total")
            assert sum(shown.values()) == bound * (process + 1)
            assert len(shown) <= bound
        finally:
            pipeline.shutdown()
    assert any(dict(labels)["endpoint"] == "/0/0" for labels in shown)


@pytest.mark.parametrize("numbers", [[-1.0], [math.nan], [math.inf], [], [1.0, 2.0]])
def test_what_no_counter_can_have_is_refused(numbers: list[float]) -> None:
    key = key_of(InstrumentKey(M, "tea_total", "", ""), {})
    check(key, [0.0])
    with pytest.raises(ValueError, match="are not the numbers of tea_total"):
        check(key, numbers)


def test_a_fault_that_could_not_be_counted_at_once_is_in_the_next_scrape(tmp_path: Path) -> None:
    pipeline = Pipeline(load({}), {}, worker=Worker(tmp_path))
    try:
        told = Recorded(pipeline)
        before = told.value("errors_total", component="telemetry", error_type="record")
        guard.later("record")
        assert told.value("errors_total", component="telemetry", error_type="record") == before + 1
    finally:
        pipeline.shutdown()


def test_this_sdk_is_of_the_known_shape() -> None:
    assert unsupported() == ""


def test_a_wrong_variable_of_the_sdks_spans_is_no_other_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several workers would each show their own numbers for it."""
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "x")
    assert unsupported() == ""


@pytest.mark.parametrize("aggregation", [SumAggregation, ExplicitBucketHistogramAggregation])
def test_an_sdk_of_another_shape_leaves_each_worker_to_itself(
    aggregation: type, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def other_shape(*_: object) -> object:
        raise TypeError("got an unexpected argument")

    monkeypatch.setattr(aggregation, "_create_aggregation", other_shape)
    pipeline = Pipeline(load({}), {"REVIEWLENS_STATE_DIR": str(tmp_path)})
    pipeline.wait_for_work()
    pipeline.take_part()
    pipeline.shutdown()
    assert "each of several workers tells its own numbers alone" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_what_is_foreign_and_near_the_largest_float_stops_no_scrape(tmp_path: Path) -> None:
    """Two workers count so much each that the sum is beyond it: that series is infinite, no other is hurt."""
    registry, worker = CollectorRegistry(), Worker(tmp_path)
    other = opened(tmp_path / "1.cells")
    meter = provider(group_reader(worker, registry)).get_meter("m", "1.2", attributes={"a": "b"})
    meter.create_counter("tea_total").add(1.7e308)
    meter.create_counter("cups_total").add(1)
    other.cell(key_of(InstrumentKey(M, "tea_total", "", ""), {}), 1).add(0, 1.7e308)
    other.cell(key_of(InstrumentKey(M, "cups_total", "", ""), {}), 1).add(0, 2)
    lines = generate_latest(registry).decode().splitlines()
    assert "cups_total 3.0" in lines
    assert "tea_total +Inf" in lines
