"""Prometheus' answers read, waited for and printed; what goes wrong is said."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter

import httpx
import pytest
from rich.console import Console
from support.fake_prometheus import FakePrometheus, vector
from typer.testing import CliRunner

from app.cli import cli
from app.demo import changes, report
from app.demo.addresses import direct
from app.demo.compare import Outcome
from app.demo.ledger import CountedSeries, ShopperLedger, series
from app.demo.scenarios import BY_NAME
from app.demo.scraped import NotInTimeError, counters, exposed, now, summed, wait_for
from app.demo.shop import PRODUCTS, GoneWrongError, Shop
from app.ports import address
from telemetry.doctor.prometheus import Sample
from telemetry.testing import StepClock

SESSIONS = series("dialogue_sessions_total", category="chair")
READ = series("reviews_processed_total", category="chair")
GONE = series("errors_total", error_type="conflict", component="api")
LEFT = series("session_abandoned_total", stage="dialogue_start", reason="browser_close")
LOST = series("errors_total", error_type="not_found", component="api")


def printed(*things: object) -> str:
    """As a terminal of 120 columns without colours shows it."""
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(*things)
    return captured.get()


def test_the_time_is_prometheus_own() -> None:
    """A scalar."""
    assert asyncio.run(now(FakePrometheus(answer=lambda _: vector(({}, 17.0))))) == 17


def test_targets_are_added_up() -> None:
    """Two instances, with labels that the catalogue does not know, are one series."""
    rows = [
        ({"__name__": "dialogue_sessions_total", "category": "chair", "instance": f"api-{number}"}, 3.0)
        for number in (1, 2)
    ]
    assert asyncio.run(
        counters(FakePrometheus(answer=lambda _: vector(*rows)), ["dialogue_sessions_total"])
    ) == {SESSIONS: 6}


def test_the_apis_own_page_reads_as_the_same_series() -> None:
    """Counters and the counts of histograms; other samples are left."""
    text = (
        "# TYPE dialogue_sessions_total counter\n"
        'dialogue_sessions_total{category="chair"} 4.0\n'
        "# TYPE evidence_count histogram\n"
        'evidence_count_bucket{category="chair",le="+Inf"} 2\n'
        'evidence_count_count{category="chair"} 2\n'
        'evidence_count_sum{category="chair"} 9\n'
    )
    names = ("dialogue_sessions_total", "evidence_count_count")
    assert exposed(text, names) == {SESSIONS: 4, CountedSeries("evidence_count_count", ("chair",)): 2}
    assert summed([]) == {}


def test_a_wait_ends_with_what_is_enough() -> None:
    """The first thing seen that is enough, and no look more."""
    looks = iter(range(10))

    async def look() -> int:
        return next(looks)

    async def sleep(_: float) -> None: ...

    assert asyncio.run(wait_for("three", look, lambda seen: seen == 3, sleep=sleep)) == 3
    assert next(looks) == 4


def test_a_wait_that_is_too_long_holds_what_was_seen_last() -> None:
    """By the clock that it is given, without a second of real time."""

    async def look() -> str:
        return "two of three"

    async def sleep(_: float) -> None: ...

    with pytest.raises(NotInTimeError, match="waited 35 s for three") as late:
        asyncio.run(wait_for("three", look, lambda _: False, clock=StepClock(10.0), sleep=sleep))
    assert late.value.seen == "two of three"


def test_numbers_that_differ_are_told_series_by_series() -> None:
    """In short, in full, and in a line each; what was counted and never sent, too."""
    outcome = Outcome(
        BY_NAME["error-burst"],
        Counter({SESSIONS: 3, GONE: 2, LOST: 3}),
        Counter({SESSIONS: 3, GONE: 1, LOST: 3}),
    )
    assert not outcome.good
    assert outcome.differences == (GONE,)
    assert printed(changes.brief([outcome])).splitlines() == [
        "What changed",
        "error-burst: 1 of 3 series differ",
        "  sessions 3; errors 2 sent and 1 counted × conflict, 3 × not_found".ljust(120),
        "3 series compared, 1 not equal (--all prints each)",
    ]
    full = [line.split() for line in printed(changes.everything([outcome])).splitlines()]
    assert ['dialogue_sessions_total{category="chair"}', "3", "3"] in full
    assert [*str(GONE).split(), "2", "1"] in full
    assert full[-1] == ["3", "series", "compared,", "1", "not", "equal"]
    said = f"error-burst: {GONE}: sent 2, counted 1"
    assert list(changes.complaints(outcome)) == [said]
    unsent = Outcome(BY_NAME["error-burst"], counted=Counter({SESSIONS: 1}))
    assert unsent.differences == (SESSIONS,)


def test_series_that_agree_are_all_compared_and_counted_once() -> None:
    """Also those that several scenarios moved, have no word, or do not stand for their scenario."""
    both = Counter({SESSIONS: 1, READ: 9, LEFT: 2})
    outcomes = [Outcome(BY_NAME[name], both, both) for name in ("happy-path", "walk-away")]
    assert printed(changes.brief(outcomes)).splitlines() == [
        "What changed",
        "happy-path: 3 series, all equal",
        "  sessions 1".ljust(120),
        "walk-away: 3 series, all equal",
        "  sessions 1; abandoned 2 × dialogue_start".ljust(120),
        "3 series compared, all equal (--all prints each)",
    ]
    full = printed(changes.everything(outcomes))
    assert full.count("reviews_processed_total") == full.count("dialogue_sessions_total") == 2


def test_failures_and_left_out_scenarios_are_told() -> None:
    """With how often, and with the reason."""
    failed = Outcome(BY_NAME["happy-path"], failures=Counter({"GET /x answered 500": 2}))
    assert not failed.good
    assert list(changes.complaints(failed)) == ["happy-path: GET /x answered 500 (2 times)"]
    left = Outcome(BY_NAME["no-provider"], left_out="no simulator")
    assert left.good
    for shown in (changes.brief([left]), changes.everything([left])):
        assert "no-provider: left out" in printed(shown)
        assert "Nothing was compared." in printed(shown)
    assert list(changes.complaints(left)) == ["no-provider was left out: no simulator."]


def test_a_fact_asks_for_the_run_by_subtraction() -> None:
    """The exact rise since a moment, also of series that were not there then."""
    fact = report.Fact("LLM calls", "$llm_calls_total", ("provider", "status"))
    now = "sum by (provider, status) (last_over_time(llm_calls_total[25s]))"
    assert fact.asks() == now
    before = "sum by (provider, status) (last_over_time(llm_calls_total[25s] @ 12.500))"
    assert fact.asks(12.5) == f"({now} - ({before} or 0 * {now}))"


def test_what_prometheus_cannot_say_is_a_dash() -> None:
    """No series, and not-a-number: both are no number."""
    nan = FakePrometheus(
        answer=lambda expr: vector(({}, math.nan)) if "http_request_duration" in expr else vector()
    )
    said = [row.rsplit(maxsplit=2) for row in printed(asyncio.run(report.says(nan, 1.0))).splitlines()]
    cells = {row[0].strip(): row[1:] for row in said}
    assert cells["latency p95"] == cells["sessions"] == cells["LLM calls"] == ["–", "–"]


def test_what_prometheus_says_has_a_row_for_each_value_when_asked() -> None:
    """In short, the sum is one row."""

    def answer(expr: str) -> list[Sample]:
        calls = "llm_calls_total" in expr
        by = {"provider": "gemini", "status": "error"} if "sum by (provider, status)" in expr else {}
        return vector((by, 3.0)) if calls else vector()

    short, long = (
        printed(asyncio.run(report.says(FakePrometheus(answer=answer), 1.0, every=every)))
        for every in (False, True)
    )
    assert ["LLM", "calls", "3", "3"] in [row.split() for row in short.splitlines()]
    assert ["LLM", "calls", "gemini", "error", "3", "3"] in [row.split() for row in long.splitlines()]


def test_a_request_without_an_answer_stands_in_the_ledger() -> None:
    """As a failure with its reason; nothing is counted for it."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    ledger = ShopperLedger()
    http = httpx.AsyncClient(base_url="http://api", transport=httpx.MockTransport(refuse))
    with pytest.raises(GoneWrongError):
        asyncio.run(Shop(http, ledger).expect(200, "GET", PRODUCTS))
    assert ledger.failures == {"GET /api/products: ReadTimeout no answer": 1}
    assert not ledger.counts


def test_an_unexpected_answer_is_counted_and_stands_in_the_ledger() -> None:
    """The request was made, and it went wrong: both are kept."""
    ledger = ShopperLedger()
    answer = httpx.MockTransport(lambda _: httpx.Response(500, content=json.dumps({"detail": "oh"})))
    http = httpx.AsyncClient(base_url="http://api", transport=answer)
    with pytest.raises(GoneWrongError):
        asyncio.run(Shop(http, ledger).expect(200, "GET", PRODUCTS))
    assert ledger.failures == {'GET /api/products answered 500, expected 200: {"detail": "oh"}': 1}
    assert ledger.counts[series("errors_total", error_type="unhandled", component="api")] == 1


def test_addresses_come_from_the_environments_ports() -> None:
    """As the stack's own."""
    assert address("grafana", environ={}) == "http://localhost:3001"
    assert address("prometheus", environ={"REVIEWLENS_PROMETHEUS_PORT": "9999"}) == "http://localhost:9999"


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8000", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1", True),
        ("https://shop.kr", False),
    ],
)
def test_proxies_are_for_other_machines(url: str, here: bool) -> None:
    """What is on this machine is asked directly."""
    assert direct(url) is here


def test_the_list_names_every_scenario() -> None:
    """With what it shows."""
    listed = CliRunner().invoke(cli, ["demo", "--list"])
    assert listed.exit_code == 0
    assert all(name in listed.output for name in BY_NAME)


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    """Before anything is sent."""
    refused = CliRunner().invoke(cli, ["demo", "--scenario", "black-friday"])
    assert refused.exit_code == 2
    assert "black-friday" in refused.output and "walk-away" in refused.output
