"""Wrong calls on handles: a fault, a line with the place, and the code around goes on; strict, they raise."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from typing import Any

import httpx
import prometheus_client
import pytest
from fastapi import FastAPI
from support.live import serving

from telemetry import instrument
from telemetry.guard import guard
from telemetry.metrics import active_evidence_gauge, evidence_count, ingest_bytes_total, llm_calls_total
from telemetry.record import calls
from telemetry.testing import recording
from telemetry.timing import Timer, track_errors, track_time


def counter() -> Any:
    return llm_calls_total.labels("gemini", "error")


def histogram() -> Any:
    return evidence_count.labels("chair")


def gauge() -> Any:
    return active_evidence_gauge.labels("chair", "a")


def within(block: Any) -> int:
    """What the body of a block gives."""
    with block:
        return 7


def at_the_end(block: Any) -> int:
    """An exception leaves the block as it came."""
    with pytest.raises(KeyError), block:
        raise KeyError
    return 7


def called(decorate: Any) -> object:
    """What a decorated function gives."""
    return decorate(lambda: 7)()


async def _awaited(decorate: Any) -> object:
    async def give() -> int:
        return 7

    return await decorate(give)()


UNTYPED: Any = Timer
UNTYPED_GAUGE: Any = active_evidence_gauge
# Each is one wrong call, or one block of code under one; what gives something gives 7.
WRONG: dict[str, Callable[[], object]] = {
    "a kind of exception by its name": lambda: at_the_end(counter().count_exceptions("ValueError")),
    "kinds of exceptions by name": lambda: at_the_end(counter().count_exceptions(("ValueError",))),
    "a kind by name, a function": lambda: called(counter().count_exceptions("ValueError")),
    "a kind by name, a coroutine": lambda: asyncio.run(_awaited(counter().count_exceptions("ValueError"))),
    "a decorator that is not called": lambda: called(counter().count_exceptions),
    "a timer's decorator that is not called": lambda: called(histogram().time),
    "a timer left without being entered": lambda: Timer(histogram()).__exit__(None, None, None),
    "a timer of a text": lambda: within(Timer("x")),  # type: ignore[arg-type]
    "a timer of a text, with labels": lambda: called(UNTYPED("x", {"category": "chair"})),
    "a timer of nothing": lambda: within(UNTYPED(None)),
    "a timer without anything": lambda: within(UNTYPED()),
    "a timer of a counter": lambda: within(UNTYPED(counter())),
    "a timer of a counter's handle": lambda: within(UNTYPED(llm_calls_total)),
    "a timer of a counter's handle, with labels": lambda: within(
        UNTYPED(llm_calls_total, {"provider": "gemini", "status": "error"})
    ),
    "a timer with labels that are a text": lambda: within(UNTYPED(evidence_count, "chair")),
    "a timer with other labels": lambda: within(UNTYPED(evidence_count, {"colour": "red"})),
    "a timer with no clock": lambda: within(UNTYPED(histogram(), None, "noon")),
    "track_time of nothing": lambda: called(track_time(None)),  # type: ignore[arg-type]
    "track_time without anything": lambda: called(track_time()),  # type: ignore[call-arg]
    "track_errors without anything": lambda: called(track_errors()),  # type: ignore[call-arg]
    "track_errors with too much": lambda: at_the_end(track_errors("a", "b", "c")),  # type: ignore[call-arg]
    "observe nothing": lambda: histogram().observe(),
    "observe a negative number": lambda: histogram().observe(-5),
    "observe what is no number": lambda: histogram().observe(float("nan")),
    "observe without end": lambda: histogram().observe(float("inf")),
    "count a negative number": lambda: counter().inc(-1),
    "count what is no number": lambda: counter().inc(float("nan")),
    "count without end": lambda: counter().inc(float("inf")),
    "observe a text": lambda: histogram().observe("x"),
    "observe none": lambda: histogram().observe(None),
    "count a text": lambda: counter().inc("x"),
    "count too much without labels": lambda: ingest_bytes_total.inc(1, None, 3),  # type: ignore[call-arg]
    "count by another word": lambda: ingest_bytes_total.inc(by=1),  # type: ignore[call-arg]
    "set nothing": lambda: gauge().set(*()),
    "set too much": lambda: gauge().set(1, 2),
    "dec by a text": lambda: gauge().dec("x"),
    "a function that is none": lambda: gauge().set_function(4),
    "time with an argument": lambda: within(histogram().time(3)),
    "exceptions with too much": lambda: within(counter().count_exceptions(ValueError, 3)),
    "progress with an argument": lambda: within(gauge().track_inprogress(3)),
    "a counter is set": lambda: counter().set(3),
    "a counter goes down": lambda: counter().dec(),
    "a counter is reset": lambda: counter().reset(),
    "a counter without labels is reset": lambda: ingest_bytes_total.reset("now"),  # type: ignore[attr-defined]
    "a counter is timed": lambda: within(counter().time()),
    "a histogram is counted": lambda: histogram().inc(),
    "a histogram is reset": lambda: histogram().reset(),
    "a histogram counts exceptions": lambda: called(histogram().count_exceptions()),
    "a gauge observes": lambda: gauge().observe(3),
    "a gauge's handle is set": lambda: active_evidence_gauge.set(3),  # type: ignore[attr-defined]
    "an enumeration": lambda: gauge().state("open"),
    "labels of labels": lambda: counter().labels("gemini").inc(),
    "labels of no hash": lambda: llm_calls_total.labels(provider=[], colour="red").inc(),
    "removed by a list": lambda: active_evidence_gauge.remove_by_labels(["chair"]),  # type: ignore[arg-type]
    "removed with too much": lambda: active_evidence_gauge.clear(True),  # type: ignore[call-arg]
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No spell goes on from the test before."""
    monkeypatch.setattr(guard, "_last", {})


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_one_fault_and_one_line_with_its_place(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In production: what is around it goes on, and gives what it gives."""
    with recording(strict=False) as metrics:
        assert WRONG[name]() in (None, 7)
        assert metrics.value("errors_total", error_type="record", component="telemetry") == 1
    (record,) = [record for record in caplog.records if record.name == "telemetry"]
    assert record.getMessage().startswith(f"telemetry fault in record at {__file__}:")


@pytest.mark.parametrize("name", WRONG)
def test_where_strict_a_wrong_call_raises(name: str) -> None:
    """So that tests find it."""
    with recording(), pytest.raises((TypeError, ValueError, AttributeError)):
        WRONG[name]()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: counter().set(3), "llm_calls_total: CounterChild has no set()"),
        (lambda: histogram().inc(), "evidence_count: HistogramChild has no inc()"),
        (lambda: gauge().observe(3), "active_evidence_gauge: GaugeChild has no observe()"),
        (lambda: UNTYPED_GAUGE.set(3), "active_evidence_gauge: Gauge has no set()"),
    ],
)
def test_a_call_that_there_is_not_names_its_metric(call: Callable[[], object], says: str) -> None:
    """The place may hold several; the line of the log ends with this reason."""
    with recording(), pytest.raises(AttributeError, match=re.escape(says)):
        call()


def test_a_request_with_wrong_calls_is_answered_as_ever() -> None:
    """All of them in one end point, on a real server."""
    app = FastAPI()

    @app.get("/wrong")
    def wrong() -> list[bool]:
        return [WRONG[name]() in (None, 7) for name in WRONG if name != "a kind by name, a coroutine"]

    with recording(strict=False) as metrics:
        instrument(app, metrics.pipeline)
        with serving(app) as url:
            answer = httpx.get(url + "/wrong")
        assert metrics.value("errors_total", error_type="record", component="telemetry") == len(WRONG) - 1
    assert (answer.status_code, set(answer.json())) == (200, {True})


def test_each_place_has_a_spell_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Two places, three times each: two lines, and six faults."""
    with recording(strict=False) as metrics:
        for _ in range(3):
            counter().inc(-1)
            counter().inc(-2)
        assert metrics.value("errors_total", error_type="record", component="telemetry") == 6
    lines = [record.getMessage() for record in caplog.records if record.name == "telemetry"]
    here = inspect.getsourcelines(test_each_place_has_a_spell_of_its_own)[1]
    assert lines == [
        f"telemetry fault in record at {__file__}:{here + at}; the request is untouched" for at in (4, 5)
    ]


def test_what_has_no_caller_has_no_place(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of what stands behind a handle is not its caller's."""
    with recording(strict=False):

        def fail(*_: object) -> None:
            raise OSError("no space left")

        monkeypatch.setattr(type(llm_calls_total), "record", property(lambda _: fail))
        llm_calls_total.locate, before = None, llm_calls_total.locate
        llm_calls_total.reconnect()
        counter().inc()
        llm_calls_total.locate = before
    (record,) = [record for record in caplog.records if record.name == "telemetry"]
    assert record.getMessage() == "telemetry fault in record; the request is untouched"


@pytest.mark.parametrize("kind", ["Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"])
def test_every_call_of_prometheus_client_has_an_answer(kind: str) -> None:
    """What a newer version of it adds is seen here."""
    public = {name for name in dir(getattr(prometheus_client, kind)) if not name.startswith("_")}
    constants = {name for name in public if name.isupper()}
    assert public - constants <= set(calls.NAMES)
    for held in (counter(), histogram(), gauge(), llm_calls_total, evidence_count, active_evidence_gauge):
        assert all(callable(getattr(held, name)) for name in calls.NAMES)
