"""Laws of recording, for any values in any order."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from typing import Any

from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.staticfiles import StaticFiles
from support.laws import examples

from telemetry import known
from telemetry.asgi.routes import Endpoints, route_path
from telemetry.builtin import UNMATCHED
from telemetry.catalog import BY_NAME
from telemetry.metrics import errors_total, evidence_count, llm_duration_seconds, llm_tokens_total
from telemetry.push.gauges import PUSHES_AT_ZERO, _Ending
from telemetry.testing import Recorded, recording
from telemetry.words import printable

FEW = examples(40, suppress_health_check=[HealthCheck.too_slow])
BOUNDS = BY_NAME["llm_duration_seconds"].buckets
# Eighths add up without rounding, so that sums can be compared exactly.
eighths = st.integers(0, 400).map(lambda number: number / 8)
durations = st.lists(st.sampled_from(BOUNDS) | eighths, max_size=60)


def buckets(recorded: Recorded, name: str, **labels: str) -> list[float]:
    """Cumulative counts of a histogram's series, by rising `le`."""
    rows = [dict(key) | {"": value} for key, value in recorded.series(f"{name}_bucket").items()]
    rows = [row for row in rows if labels.items() <= row.items()]
    return [row[""] for row in sorted(rows, key=lambda row: float(row["le"]))]


@FEW
@given(durations)
def test_buckets_sum_to_the_count_and_never_fall(values: list[float]) -> None:
    """The last bucket is the count; each bucket counts the values up to and with its bound."""
    with recording() as recorded:
        handle = llm_duration_seconds.labels(provider="gemini")
        for value in values:
            handle.observe(value)
        if not values:
            assert recorded.series("llm_duration_seconds_count") == {}
            return
        cumulative = buckets(recorded, "llm_duration_seconds", provider="gemini")
        assert cumulative == sorted(cumulative)
        assert cumulative[-1] == recorded.count("llm_duration_seconds", provider="gemini") == len(values)
        assert cumulative[:-1] == [sum(value <= bound for value in values) for bound in BOUNDS]
        assert recorded.sum("llm_duration_seconds", provider="gemini") == math.fsum(values)


@FEW
@given(st.lists(eighths, min_size=1, max_size=30), st.randoms())
def test_the_order_of_recording_does_not_matter(values: list[float], rng: Any) -> None:
    """The scrape is the same text."""
    texts = []
    for _ in range(2):
        with recording() as recorded:
            for value in values:
                evidence_count.labels(category="chair").observe(value)
                errors_total.labels(error_type="timeout", component="llm").inc(value)
            texts.append(recorded.text())
        rng.shuffle(values)
    assert texts[0] == texts[1]


labels = st.fixed_dictionaries(
    {"provider": st.sampled_from(["gemini", "openai"]), "type": st.sampled_from(["prompt", "completion"])}
)


@FEW
@given(st.lists(st.tuples(labels, eighths, st.booleans()), max_size=60))
def test_a_counter_is_the_sum_of_its_increments(events: list[tuple[dict[str, str], float, bool]]) -> None:
    """By label set, in whichever order the labels were written."""
    expected: Counter[frozenset[tuple[str, str]]] = Counter()
    with recording() as recorded:
        for label_set, amount, turned in events:
            written = dict(reversed(label_set.items())) if turned else label_set
            llm_tokens_total.labels(**written).inc(amount)
            expected[frozenset(label_set.items())] += amount  # type: ignore[assignment]
        assert recorded.series("llm_tokens_total") == dict(expected)


@FEW
@given(st.lists(st.text(max_size=20), min_size=1, max_size=10, unique=True))
def test_any_text_as_a_label_value_comes_back_as_it_was(values: list[str]) -> None:
    """Quotes, line breaks, Korean, control characters: escaped on the way out, never lost or merged. What no
    scraper takes, a lone surrogate or a NUL, is written out."""
    values = [printable(value) for value in values]
    with recording() as recorded:
        for value in values:
            evidence_count.labels(category=value).observe(1)
        seen = {dict(key)["category"]: n for key, n in recorded.series("evidence_count_count").items()}
    assert seen == {value: float(values.count(value)) for value in values}


@FEW
@given(st.lists(st.sampled_from(["chair", "monitor", "bedding"]), max_size=4))
def test_telling_what_is_known_changes_nothing_that_was_counted(categories: list[str]) -> None:
    """known() may be called at any time, any number of times."""
    with recording() as recorded:
        for category in categories:
            known(category=[category])
            evidence_count.labels(category=category).observe(1)
            errors_total.labels(error_type="timeout", component="llm").inc()
        known(category=categories)
        assert recorded.value("errors_total", error_type="timeout", component="llm") == len(categories)
        assert len(recorded.series("dialogue_turns_total")) == len(set(categories))


@FEW
@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.booleans()), max_size=30))
def test_an_ended_series_is_zero_for_two_delivered_pushes(pushes: list[tuple[set[int], bool]]) -> None:
    """Whatever begins, ends, comes back, and however often the export fails."""
    ending, owed = _Ending(), dict[int, int]()
    for live, arrives in pushes:
        series = {(str(number),): float(number + 1) for number in live}
        sent = ending.with_zeros(series)
        assert sent == series | {(str(n),): 0.0 for n in owed if n not in live}
        if arrives:
            ending.delivered(series)
            owed = {n: left - 1 for n, left in owed.items() if left > 1} | dict.fromkeys(live, PUSHES_AT_ZERO)


def application() -> FastAPI:
    """Routes with parameters, convertors, a mount and files."""
    app, sub = FastAPI(), FastAPI()
    for path in ("/", "/items/{item_id}", "/files/{path:path}", "/a.b/{c}+{d}"):
        app.get(path)(lambda: None)
    sub.get("/deep/{item_id}")(lambda: None)
    app.mount("/{tenant}/sub", sub)
    app.mount("/static", StaticFiles(directory="."))
    return app


ENDPOINTS = Endpoints(application().router)
TEMPLATES = {template.path for template in ENDPOINTS.templates} | {UNMATCHED}
paths = st.text() | st.lists(
    st.sampled_from(
        ["items", "files", "sub", "static", "deep", "a.b", "x+y", "..", "", "%2F", "{item_id}", "\n"]
    )
).map(lambda parts: "/" + "/".join(parts))


@examples(300)
@given(paths, st.text(max_size=10) | st.sampled_from(["/items", "/files/", "/"]), st.text(max_size=8))
def test_any_path_has_a_template_or_none(path: str, root_path: str, method: str) -> None:
    """Never an error, never the path itself, whatever a client sends."""
    scope = {"type": "http", "method": method, "path": path, "root_path": root_path}
    assert ENDPOINTS.of(scope, root_path) in TEMPLATES
    assert ENDPOINTS.of({**scope, "endpoint": object()}, root_path) in TEMPLATES


@examples(200)
@given(st.text(alphabet="/ab", max_size=8), st.text(alphabet="/ab", max_size=5))
def test_the_path_below_a_root_is_what_routing_sees(path: str, root_path: str) -> None:
    """Starlette's own function is the judge, for absolute paths and roots that do not end in a slash."""
    from starlette._utils import get_route_path

    path, root_path = "/" + path, root_path.rstrip("/")
    seen = get_route_path({"path": path, "root_path": root_path})
    assert route_path(path, root_path) == (seen or path)


@FEW
@given(st.lists(eighths, min_size=1, max_size=40))
def test_the_bucket_of_a_value_is_the_first_that_is_not_below_it(values: list[float]) -> None:
    """As in every Prometheus client: a value on a bound belongs to it."""
    with recording() as recorded:
        for value in values:
            evidence_count.labels(category="chair").observe(value)
        cumulative = buckets(recorded, "evidence_count", category="chair")
    places = Counter(bisect_left(BY_NAME["evidence_count"].buckets, value) for value in values)
    assert [now - before for before, now in zip([0, *cumulative], cumulative, strict=False)] == [
        places[index] for index in range(len(cumulative))
    ]
