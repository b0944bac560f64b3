"""What several workers have counted, put together; and what is done with an SDK of another shape."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, SumAggregation
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from telemetry import pipeline
from telemetry.cells import Cells
from telemetry.group import GroupReader, whole, works
from telemetry.serieskey import What, key_of, parse
from telemetry.settings import load
from telemetry.workers import Worker


def test_a_key_is_read_back_and_knows_no_order() -> None:
    what = What("scope", "name", "s", 'with "quotes"', (0.5, 1.0))
    key = key_of(what, {"b": "소음", "a": 1})
    assert parse(key) == (what, {"a": 1, "b": "소음"})
    assert key == key_of(what, {"a": 1, "b": "소음"})
    assert key != key_of(what._replace(bounds=(0.5, 2.0)), {"a": 1, "b": "소음"})


def test_a_worker_that_has_nothing_yet_tells_of_the_others(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    other = Cells(os.open(tmp_path / "1.cells", os.O_RDWR | os.O_CREAT))
    other.cell(key_of(What("m", "tea_total", "", "cups"), {"kind": "green"}), 1).add(0, 4)
    other.cell(key_of(What("m", "seconds", "s", "", (1.0,)), {}), 3).add_two(0, 2, 2, 0.5)
    MeterProvider([GroupReader(Worker(tmp_path), registry)], shutdown_on_exit=False)
    text = generate_latest(registry).decode()
    assert 'tea_total{kind="green"} 4.0' in text
    assert "# HELP tea_total cups" in text
    assert 'seconds_bucket{le="1.0"} 2.0' in text
    assert "seconds_count 2.0" in text
    assert "seconds_sum 0.5" in text


def test_other_bounds_are_another_metric_and_stop_nothing() -> None:
    """A worker of an older release of the code, while a new one starts."""
    found = [(key_of(What("m", "seconds", "s", "", bounds), {}), [1.0] * 3) for bounds in ((1.0,), (2.0,))]
    data = MetricsData([ResourceMetrics(Resource.get_empty(), [], "")])
    (resource,) = whole(data, found).resource_metrics
    assert [len(scope.metrics) for scope in resource.scope_metrics] == [2]


def test_this_sdk_is_of_the_known_shape() -> None:
    assert works()


@pytest.mark.parametrize("aggregation", [SumAggregation, ExplicitBucketHistogramAggregation])
def test_an_sdk_of_another_shape_leaves_each_worker_to_itself(
    aggregation: type, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def other_shape(*_: object) -> object:
        raise TypeError("got an unexpected argument")

    monkeypatch.setattr(aggregation, "_create_aggregation", other_shape)
    environ = {"SERVER_SOFTWARE": "gunicorn", "REVIEWLENS_STATE_DIR": str(tmp_path)}
    assert pipeline._join(load({}), environ) is None
    assert "each worker tells its own numbers alone" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_used_is_told_and_the_worker_goes_on_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    environ = {"SERVER_SOFTWARE": "gunicorn", "REVIEWLENS_STATE_DIR": str(tmp_path / "file")}
    assert pipeline._join(load({}), environ) is None
    assert str(tmp_path) in caplog.text
