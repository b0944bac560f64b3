"""For tests, ours and yours: a pipeline of one's own, what it recorded, and a clock that steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
from prometheus_client.parser import text_string_to_metric_families

from telemetry.guard import guard
from telemetry.pipeline import Pipeline
from telemetry.settings import load

SHOWN = 20


class StepClock:
    """A clock that goes on by `step` seconds each time it is read."""

    def __init__(self, step: float = 1.0, start: float = 0.0) -> None:
        self.now = start
        self.step = step

    def __call__(self) -> float:
        """The time now; the next reading is one step later."""
        now = self.now
        self.now += self.step
        return now


class Recorded:
    """What a pipeline has recorded, read back through its /metrics text."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def text(self, accept: str = "") -> str:
        """The scrape as it is."""
        if self.pipeline.exposition is None:
            raise LookupError("this pipeline exposes nothing: start it with OTEL_METRICS_EXPORTER=prometheus")
        return self.pipeline.exposition.render(accept)[0].decode()

    def series(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Every series of one sample name (`..._bucket` and the like included), by its labels."""
        families = text_string_to_metric_families(self.text())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return {frozenset(sample.labels.items()): sample.value for sample in samples}

    def value(self, name: str, **labels: object) -> float:
        """The value of one series. A LookupError lists the label sets there are."""
        wanted = frozenset((key, str(value)) for key, value in labels.items())
        series = self.series(name)
        if wanted not in series:
            there = [dict(key) for key in series][:SHOWN]
            raise LookupError(
                f"no {name} with {dict(wanted)}; there are {len(series)}, the first of them {there}"
            )
        return series[wanted]

    def total(self, name: str) -> float:
        """The sum over all series of one name."""
        return sum(self.series(name).values())

    def count(self, name: str, **labels: object) -> float:
        """How many values a histogram has."""
        return self.value(f"{name}_count", **labels)

    def sum(self, name: str, **labels: object) -> float:
        """What a histogram's values add up to."""
        return self.value(f"{name}_sum", **labels)


def _no_exporter() -> MetricExporter:
    raise LookupError("give recording() an exporter to test OTLP with")


@contextmanager
def recording(
    environ: dict[str, str] | None = None,
    exporter: Any = _no_exporter,
    readers: tuple[MetricReader, ...] = (),
    strict: bool = True,
) -> Iterator[Recorded]:
    """A pipeline of the test's own behind the handles, from OTEL_* variables given as a dict.

    `exporter` makes what OTLP is tested with; None pushes for real, to where the variables say.
    `strict`: faults inside telemetry raise; False shows what production does.
    """
    environ = environ or {}
    pipeline = Pipeline(load(environ), environ, exporter, readers=readers)
    with strictness(strict):
        try:
            yield Recorded(pipeline)
        finally:
            pipeline.shutdown()


@contextmanager
def strictness(strict: bool = True) -> Iterator[None]:
    """Whether faults inside telemetry raise within the block: a wrong label name, a step that fails."""
    before, guard.strict = guard.strict, strict
    try:
        yield
    finally:
        guard.strict = before


@pytest.fixture
def strict_telemetry() -> Iterator[None]:
    """Let faults inside telemetry raise during a test, so that bugs in recording do not hide.

    `from telemetry.testing import strict_telemetry` in conftest.py, then
    `@pytest.mark.usefixtures("strict_telemetry")`, or `usefixtures = strict_telemetry` in pytest's settings.
    """
    with strictness():
        yield
