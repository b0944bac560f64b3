"""Somebody's metrics beside ours: whatever their names and texts, every path goes on, ours unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from support.otlp_sink import Sink, otlp_sink

import telemetry.words
from telemetry import Pipeline
from telemetry.metrics import active_evidence_gauge, dialogue_turns_total, http_requests_total
from telemetry.sdk.clashes import exported_names
from telemetry.settings import load
from telemetry.testing import Recorded, recording
from telemetry.workers.worker import Worker

SURROGATE, NUL = "a\udc80b", "a\0b"
BOTH = {"OTEL_METRICS_EXPORTER": "prometheus,otlp"}
OPENMETRICS = "application/openmetrics-text"


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test hears what is said once in a process."""
    monkeypatch.setattr(telemetry.words, "_said", set())


@pytest.fixture(params=["one process", "a worker"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Recorded, Sink]]:
    """A pipeline that is scraped and pushes, and where its pushes arrive."""
    with otlp_sink() as sink:
        environ = {**BOTH, **sink.environ}
        if request.param == "one process":
            with recording(environ, None) as recorded:
                yield recorded, sink
        else:
            pipeline = Pipeline(load(environ), environ, worker=Worker(tmp_path))
            yield Recorded(pipeline), sink
            pipeline.shutdown()


def meter(recorded: Recorded, name: str = "shop", **more: Any) -> Meter:
    """Of other people."""
    provider = recorded.pipeline._provider
    assert provider
    return provider.get_meter(name, **more)


def shown(recorded: Recorded) -> dict[str, int]:
    """How often each family stands on the page; both formats parse, and no sample stands twice."""
    parsed = [*parse_openmetrics(recorded.text(OPENMETRICS))], [*parse_text(recorded.text())]
    for families in parsed:
        keys = [(s.name, *sorted(s.labels.items())) for family in families for s in family.samples]
        assert len(keys) == len(set(keys))
    names = [family.name for family in parsed[0]]
    return {name: names.count(name) for name in names}


CLASHES: dict[str, Callable[[Meter], Any]] = {
    "http.requests": lambda m: m.create_counter("http.requests").add(99),
    "http_requests_total": lambda m: m.create_counter("http_requests_total").add(99),
    "http.request.duration": lambda m: m.create_histogram("http.request.duration", "s").record(99),
    "http_request_duration_seconds": lambda m: m.create_gauge("http_request_duration_seconds").set(99),
    "http.request.duration.seconds.count": lambda m: m.create_gauge(
        "http.request.duration.seconds.count"
    ).set(99),
    "active.evidence.gauge": lambda m: m.create_up_down_counter("active.evidence.gauge").add(99),
    "dialogue-turns": lambda m: m.create_observable_counter(
        "dialogue-turns", [lambda _: [Observation(99, {"category": "chair"})]]
    ),
    "dialogue_turns": lambda m: m.create_observable_gauge("dialogue_turns", [lambda _: [Observation(99)]]),
}


@pytest.mark.parametrize("name", CLASHES)
def test_a_name_of_ours_stays_ours_on_every_path(
    name: str, both: tuple[Recorded, Sink], caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody's instrument of that name comes out nowhere, and one line says so."""
    recorded, sink = both
    http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc(2)
    dialogue_turns_total.labels(category="chair").inc()
    active_evidence_gauge.labels(session_id="s", category="c").set(3)
    before = recorded.text(), recorded.text(OPENMETRICS)
    CLASHES[name](meter(recorded))
    meter(recorded).create_counter("orders").add(5)
    for _ in range(2):
        assert set(shown(recorded).values()) == {1}
    after = recorded.text(), recorded.text(OPENMETRICS)
    assert [*map(without_orders, after)] == [*map(without_orders, before)]
    recorded.pipeline.flush()
    assert name not in sink.metrics() or name == "http_requests_total"
    assert sink.series("orders") == {frozenset(): 5}
    assert (
        sink.series("http_requests_total")[
            frozenset({("method", "GET"), ("endpoint", "/a"), ("status_code", "200")})
        ]
        == 2
    )
    lines = [record.getMessage() for record in caplog.records if "exported nowhere" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(f"instrument {name!r} of meter 'shop' exports as ")


def without_orders(page: str) -> list[str]:
    """The lines of all metrics but one."""
    return [line for line in page.splitlines() if "orders" not in line]


NAMES = ["a", "a.b", "a__b", "9a", "a_total", "a.total", "a_seconds", "a-b/c"]
UNITS = ["", "s", "By", "1", "{turn}", "seconds", "ms", "By/s"]


@pytest.mark.parametrize("kind", ["counter", "up_down_counter", "histogram", "gauge"])
def test_names_are_told_as_the_exporter_makes_them(kind: str) -> None:
    """As far as ours have names: of a unit that none of ours has, it is enough that the name is another."""
    for unit in UNITS:
        for name in NAMES:
            registry = CollectorRegistry()
            provider = MeterProvider([PrometheusMetricReader(disable_target_info=True, registry=registry)])
            prefix = "" if name[0].isalpha() else "x"
            made = getattr(provider.get_meter("m"), f"create_{kind}")(prefix + name, unit)
            {"histogram": "record", "gauge": "set"}.get(kind, "add")
            getattr(made, {"histogram": "record", "gauge": "set"}.get(kind, "add"))(1)
            (family,) = [family for family in registry.collect() if family.samples]
            said = exported_names(made)
            if unit in ("", "s", "By", "1", "{turn}", "seconds"):
                assert family.name in said, (name, unit)
                assert {sample.name for sample in family.samples} <= said
            provider.shutdown()


def test_two_meters_with_one_name_are_one_family(both: tuple[Recorded, Sink]) -> None:
    """Two libraries that count alike: their counters are added up, for a page has no place for a meter."""
    recorded, _ = both
    meter(recorded, "one").create_counter("calls", description="One").add(2, {"a": "b"})
    meter(recorded, "two").create_counter("calls", description="Two").add(3, {"a": "b"})
    assert shown(recorded)["calls"] == 1
    assert recorded.series("calls_total") == {frozenset({("a", "b")}): 5}


def test_two_meters_with_one_name_of_two_kinds_are_one_family(
    both: tuple[Recorded, Sink], caplog: pytest.LogCaptureFixture
) -> None:
    """The first stays, and a line says so."""
    recorded, _ = both
    meter(recorded, "one").create_gauge("depth").set(2)
    meter(recorded, "two").create_counter("depth").add(3)
    for _ in range(2):
        assert shown(recorded)["depth"] == 1
    assert caplog.text.count("is not shown: another metric has its name; rename it") == 1


ODD: dict[str, Callable[[Meter], Any]] = {
    "a surrogate in a label": lambda m: m.create_counter("odd").add(1, {"k": SURROGATE}),
    "a NUL in a label": lambda m: m.create_counter("odd").add(1, {"k": NUL}),
    "a surrogate in a label's name": lambda m: m.create_counter("odd").add(1, {SURROGATE: "v"}),
    "a label without a name": lambda m: m.create_counter("odd").add(1, {"": "v"}),
    "a name that is a number": lambda m: m.create_counter("odd").add(1, {5: "v"}),  # type: ignore[dict-item]
    "a surrogate in a list": lambda m: m.create_counter("odd").add(1, {"k": (SURROGATE, "x")}),
    "no value": lambda m: m.create_counter("odd").add(1, {"k": None}),  # type: ignore[dict-item]
    "an object": lambda m: m.create_counter("odd").add(1, {"k": object()}),  # type: ignore[dict-item]
    "a surrogate in a help": lambda m: m.create_counter("odd", description=SURROGATE).add(1),
    "a NUL in a help": lambda m: m.create_counter("odd", description=NUL).add(1),
    "ends of lines": lambda m: m.create_counter("odd", description="a\nb\r\u2028").add(1, {"k": 'a\n"\\\r'}),
    "two names that become one": lambda m: m.create_counter("odd").add(1, {"a.b": "x", "a_b": "y"}),
    "a histogram": lambda m: m.create_histogram("odd", description=NUL).record(1, {"k": SURROGATE}),
    "a gauge": lambda m: m.create_gauge("odd", description=SURROGATE).set(1, {"k": NUL}),
    "an observed gauge": lambda m: m.create_observable_gauge("odd", [observe_odd], description=SURROGATE),
}


def observe_odd(_: CallbackOptions) -> list[Observation]:
    """What a callback gives."""
    return [Observation(1, {"k": SURROGATE})]


@pytest.mark.parametrize("name", ODD)
def test_no_text_of_anybodys_stops_a_page_or_a_push(
    name: str, both: tuple[Recorded, Sink], caplog: pytest.LogCaptureFixture
) -> None:
    """The page answers in both formats, the push arrives, and the value is in both."""
    recorded, sink = both
    ODD[name](meter(recorded))
    dialogue_turns_total.labels(category="chair").inc()
    for _ in range(2):
        assert shown(recorded)["odd"] == 1
        assert "\0" not in recorded.text() + recorded.text(OPENMETRICS)
        recorded.pipeline.flush()
        assert [*sink.series("odd").values()] == [1]
    assert sink.series("dialogue_turns_total")
    assert len([r for r in caplog.records if r.name == "telemetry" and "odd" in r.getMessage()]) <= 1
    if "NUL" in name or "surrogate" in name:
        assert "odd has text that no reader takes, in a label or its help: it is written out" in caplog.text


def test_what_differed_still_does(both: tuple[Recorded, Sink]) -> None:
    """Two odd values are two series, on both paths."""
    recorded, sink = both
    odd = meter(recorded).create_counter("odd")
    odd.add(1, {"k": "a\ud800"})
    odd.add(2, {"k": "a\ud801"})
    odd.add(3, {"k": "a\0"})
    wanted = {frozenset({("k", text)}): n for n, text in enumerate(("a\\ud800", "a\\ud801", "a\\x00"), 1)}
    written = {frozenset({("k", dict(k)["k"])}): v for k, v in recorded.series("odd_total").items()}
    recorded.pipeline.flush()
    assert written == wanted
    assert sink.series("odd") == wanted


def test_odd_names_of_meters_and_services_are_pushed(sink_environ: tuple[Sink, dict[str, str]]) -> None:
    """A meter's name and version, and bytes of the environment that are no UTF-8."""
    sink, environ = sink_environ
    environ |= {"OTEL_RESOURCE_ATTRIBUTES": f"team={SURROGATE}", "OTEL_SERVICE_NAME": NUL}
    with recording(environ, None) as recorded:
        odd = meter(recorded, SURROGATE, version=NUL, attributes={"k": SURROGATE})
        odd.create_counter("odd").add(1)
        recorded.pipeline.flush()
    assert sink.series("odd") == {frozenset(): 1}
    (resource,) = sink.requests[0].resource_metrics
    told = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert (told["team"], told["service.name"]) == ("a\\udc80b", "a\\x00b")


@pytest.fixture
def sink_environ() -> Iterator[tuple[Sink, dict[str, str]]]:
    """A receiver, and the environment that pushes there."""
    with otlp_sink() as sink:
        yield sink, {**BOTH, **sink.environ}


@pytest.mark.parametrize("text", [SURROGATE, NUL])
def test_odd_values_of_our_own_labels_are_written_out(
    text: str, both: tuple[Recorded, Sink], caplog: pytest.LogCaptureFixture
) -> None:
    """Of counters and of gauges, the same on both paths; a line says so once."""
    recorded, sink = both
    for _ in range(2):
        dialogue_turns_total.labels(category=text).inc()
        active_evidence_gauge.labels(session_id=text, category="c").set(7)
    active_evidence_gauge.follow(lambda: [(("c", text + "2"), 8.0)])
    written = text.replace("\udc80", "\\udc80").replace("\0", "\\x00")
    assert shown(recorded)["dialogue_turns"] == 1
    assert recorded.value("dialogue_turns_total", category=written) == 2
    recorded.pipeline.flush()
    assert sink.series("dialogue_turns_total") == {frozenset({("category", written)}): 2}
    assert sink.series("active_evidence_gauge") == {
        frozenset({("session_id", written), ("category", "c")}): 7,
        frozenset({("session_id", written + "2"), ("category", "c")}): 8,
    }
    assert caplog.text.count("dialogue_turns_total has text that no scraper takes in a label") == 1
