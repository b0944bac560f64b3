"""Exemplars: what is kept of a series, in memory and in files, while others read and after a kill."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from telemetry.metrics import evidence_count
from telemetry.pipeline import Pipeline
from telemetry.scrape.page import Scraped
from telemetry.settings import load
from telemetry.store.cells import Cells
from telemetry.store.exemplars import WORDS, Exemplar, Exemplars, Span, unpacked
from telemetry.store.key import InstrumentKey, key_of, scope_of
from telemetry.testing import StepClock, recording
from telemetry.workers.worker import Worker

SPAN = (2**128 - 3, 2**64 - 5)  # as large as ids get
SECONDS = InstrumentKey(scope_of(InstrumentationScope("reviewlens")), "seconds", "s", "", (1.0, 2.0))
KEY = key_of(SECONDS, {"a": "b"})


class Spans:
    """What is current, as a test says."""

    now: Span | None = SPAN

    def __call__(self) -> Span | None:
        return self.now


def kept(cells: Cells, spans: Spans | None = None, start: float = 1_000.0) -> Exemplars:
    return Exemplars(cells, spans or Spans(), StepClock(1.0, start))


def test_each_bucket_keeps_its_last_value_with_time_and_span() -> None:
    exemplars, spans = kept(Cells()), Spans()
    offer = exemplars.of(KEY, 3)
    for value, at in ((0.5, 0), (0.25, 0), (9.0, 2)):
        offer(value, at)
    assert exemplars.read(KEY, 3) == [
        Exemplar(0.25, 1_001.0, *SPAN),
        None,
        Exemplar(9.0, 1_002.0, *SPAN),
    ]
    assert exemplars.read(KEY, 3)[0].labels == {  # type: ignore[union-attr]
        "trace_id": "f" * 31 + "d",
        "span_id": "f" * 15 + "b",
    }
    assert spans.now


def test_without_a_span_that_is_sampled_nothing_is_kept() -> None:
    spans = Spans()
    exemplars = kept(Cells(), spans)
    spans.now = None
    exemplars.of(KEY, 1)(0.5, 0)
    assert exemplars.read(KEY, 1) == [None]


@pytest.mark.parametrize("at", range(WORDS))
def test_one_that_is_amid_being_written_is_not_shown(at: int) -> None:
    """Whichever of its words is still another's."""
    cells = Cells()
    kept(cells).of(KEY, 1)(0.5, 0)
    words = cells.cell(KEY, WORDS).read()
    assert [*unpacked(words)] != [None]
    words[at] += 1
    assert [*unpacked(words)] == [None]


def test_who_reads_while_it_is_written_sees_whole_ones() -> None:
    """Each value has a span of its own; none is ever seen with another's."""
    cells, spans = Cells(), Spans()
    exemplars = kept(cells, spans)
    offer, ends = exemplars.of(KEY, 1), threading.Event()

    def write() -> None:
        number = 0
        while not ends.is_set():
            number += 1
            spans.now = number, number
            offer(float(number), 0)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(2_000):
            (found,) = unpacked(
                cells.cell(KEY, WORDS).numbers.tolist()
            )  # as another process: without its lock
            assert found is None or found.value == found.trace_id == found.span_id
    finally:
        ends.set()
        writing.join()


def page(worker: Worker, exemplars: Exemplars) -> str:
    scraped = Scraped("reviewlens", {}, worker.cells, exemplars, worker)
    return b"".join(scraped.render(openmetrics=True)).decode()


def test_of_all_workers_the_latest_is_shown_whoever_answers(tmp_path: Path) -> None:
    workers = [Worker(tmp_path) for _ in range(3)]
    all_kept = [
        kept(worker.exemplars(), start=start) for worker, start in zip(workers, (5, 9, 7), strict=True)
    ]
    for number, (worker, exemplars) in enumerate(zip(workers, all_kept, strict=True)):
        worker.cells.cell(KEY, 4).add_two(0, 1, 3, 0.5)
        exemplars.of(KEY, 3)(number + 0.5, 0)
    pages = {page(worker, exemplars) for worker, exemplars in zip(workers, all_kept, strict=True)}
    assert len(pages) == 1
    (line,) = [line for line in pages.pop().splitlines() if " # {" in line]
    assert line.startswith('seconds_bucket{a="b",le="1.0"} 3.0 # {trace_id="')
    assert line.endswith("} 1.5 9.000")


def test_a_broken_exemplar_of_another_worker_costs_itself_alone(tmp_path: Path) -> None:
    """Not the page."""
    own, other = Worker(tmp_path), Worker(tmp_path)
    own.cells.cell(KEY, 4).add_two(0, 1, 3, 0.5)
    theirs = kept(other.exemplars())
    for key in (b"no key", KEY):
        theirs.of(key, 3)(0.5, 0)
    (line,) = [line for line in page(own, kept(own.exemplars())).splitlines() if " # {" in line]
    assert line.endswith("} 0.5 1001.000")


def test_a_push_tells_what_came_since_the_last_but_one() -> None:
    """Each bucket's by itself, whatever the clock says: here it goes back."""
    reader = InMemoryMetricReader()
    spans = TracerProvider(sampler=ALWAYS_ON).get_tracer("test")

    def told() -> list[float]:
        data = reader.get_metrics_data()
        assert data
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        points = [p for m in metrics if m.name == evidence_count.metric.name for p in m.data.data_points]
        return [exemplar.value for point in points for exemplar in point.exemplars]

    def observe(value: float) -> None:
        with spans.start_as_current_span("span"):
            evidence_count.labels(category="chair").observe(value)

    with recording({"OTEL_TRACES_EXPORTER": "console"}, readers=(reader,)) as recorded:
        assert recorded.pipeline._storage
        assert recorded.pipeline._storage.exemplars
        recorded.pipeline._storage.exemplars._clock = clock = StepClock(-1.0, 1_000.0)
        observe(1)
        assert told() == [1]
        observe(4)
        assert told() == [1, 4]
        observe(4)
        assert told() == [4]
        assert told() == [4]
        assert told() == []
        assert clock() < 998


def test_a_file_of_exemplars_that_is_broken_costs_exemplars_alone(tmp_path: Path) -> None:
    own, other = Worker(tmp_path), Worker(tmp_path)
    for worker in (own, other):
        worker.cells.cell(KEY, 4).add_two(0, 1, 3, 0.5)
    (tmp_path / "1.exemplars").write_bytes(b"nonsense" * 100)
    with recording(strict=False) as recorded:
        exemplars = kept(own.exemplars())
        exemplars.of(KEY, 3)(0.5, 0)
        text = page(own, exemplars)
        assert recorded.value("errors_total", component="telemetry", error_type="render") == 1
    assert 'seconds_bucket{a="b",le="1.0"} 2.0 # {trace_id="' in text
    assert other


def test_those_of_other_buckets_are_not_shown(tmp_path: Path) -> None:
    """An older release of the code had others, or the file is broken."""
    own, other = Worker(tmp_path), Worker(tmp_path)
    for worker in (own, other):
        worker.cells.cell(KEY, 4).add_two(0, 1, 3, 0.5)
    kept(other.exemplars()).of(KEY, 7)(0.5, 0)
    assert " # {" not in page(own, kept(own.exemplars()))


def test_a_successor_begins_without_those_of_who_had_its_number(tmp_path: Path) -> None:
    """Their traces may be long gone; numbers go on."""
    own = Worker(tmp_path)
    kept(own.exemplars()).of(KEY, 3)(0.5, 0)
    assert own.exemplars().placed == []


@pytest.mark.parametrize(
    ("environ", "has"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXEMPLAR_FILTER": "always_off"}, False),
        ({}, False),
    ],
)
def test_they_are_there_with_traces_on_and_can_be_left_out(environ: dict[str, str], has: bool) -> None:
    with recording(environ) as recorded:
        provider = recorded.pipeline.tracer_provider
        if provider:
            with provider.get_tracer("test").start_as_current_span("span"):
                evidence_count.labels(category="chair").observe(4)
        else:
            evidence_count.labels(category="chair").observe(4)
        text = recorded.text("application/openmetrics-text")
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert any(sample.exemplar for sample in samples) == has


def test_a_forked_process_without_a_number_leaves_its_parents_exemplars_alone(tmp_path: Path) -> None:
    environ = {"OTEL_TRACES_EXPORTER": "console"}
    pipeline = Pipeline(load(environ), environ, worker=Worker(tmp_path / "group"))
    try:
        parents = tmp_path / "group" / "0.exemplars"
        before = parents.stat().st_ino
        pipeline.forked()
        assert parents.stat().st_ino == before
        assert pipeline._storage
        assert pipeline._storage.exemplars
        assert pipeline._storage.exemplars.cells._file is None
    finally:
        pipeline.shutdown()


def test_a_disk_without_room_for_them_costs_no_more_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> Cells:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Worker, "exemplars", full)
    environ = {"OTEL_TRACES_EXPORTER": "console"}
    pipeline = Pipeline(load(environ), environ, worker=Worker(tmp_path))
    try:
        assert pipeline._storage
        assert pipeline._storage.exemplars
    finally:
        pipeline.shutdown()
    assert "exemplars of this worker are seen by it alone" in caplog.text
