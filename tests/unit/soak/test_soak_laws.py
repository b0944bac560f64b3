"""Every law of the soak can fail: right numbers keep all of them, a wrong one breaks its own by name."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from app.demo.ledger import series
from soak import __main__ as command
from soak.account import Span
from soak.disturbances import ROUND
from soak.laws import CONFLICT, LAWS, MOST_SERIES, SHOWN, Numbers, broken
from soak.report import rows, show
from soak.run import BrokenOffError, SetUpError

MIB = 1 << 20
STARTED = series("dialogue_sessions_total", category="chair")
COMPLETED = series("dialogue_completions_total", category="chair")
LEFT = series("session_abandoned_total", stage="dialogue_start", reason="browser_close")
TIMED_OUT = series("session_abandoned_total", stage="dialogue_start", reason="timeout")
UNHANDLED = series("errors_total", error_type="unhandled", component="api")
FAILED = series("llm_calls_total", provider="openai", status="error")
LLM_ERROR = series("errors_total", error_type="server", component="llm")
KILLED, FULL = Span(10, 14, "worker killed"), Span(20, 23, "disk full")
OWN = Counter({STARTED: 50, COMPLETED: 30, LEFT: 19})
GOOD = Numbers(
    sent=1000,
    answered=Counter({200: 900, 404: 90, 503: 5}),
    broken=(Span(9, 10.2, "GET /api/products: ReadError"),),
    left=(Span(5, 6, "POST turns"), Span(11, 12, "POST turns"), *[Span(50, 51, "POST turns")] * 2),
    refused=Counter({"400": 3}),
    unavailable=(Span(21, 21.1, "POST /api/sessions"),),
    worst=Span(3, 4, "POST /api/sessions"),
    counted=999,
    at_prometheus=999,
    through_collector=999,
    by_status={"200": 904, "404": 90, "503": 5, "500": 0},
    own=OWN,
    by_series=OWN + Counter({STARTED: 1}),
    asked=3,
    scrapes=100,
    series=800,
    label_sets={"http_requests_total": 30},
    memory=(150 * MIB, 160 * MIB),
    faults={"record": 0, "export": 3, "render": 0},
    ends=(KILLED,),
    full=(FULL,),
    away=(Span(30, 33, "collector away"),),
    workers=3,
    disturbed={one.what: 1 for one in ROUND},
)

WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("requests", {"counted": 997}),
    ("requests", {"counted": 1001}),
    ("requests", {"sent": 1001}),
    ("requests", {"by_status": {**GOOD.by_status, "404": 88}}),
    ("requests", {"by_status": {**GOOD.by_status, "404": 92}}),
    ("requests", {"by_status": {**GOOD.by_status, "418": 2}}),
    ("requests-always", {"outside": ("10 answered, 9 counted, 12 sent",)}),
    ("requests-always", {"scrapes": 0}),
    ("series", {"by_series": GOOD.by_series - Counter({LEFT: 2})}),
    ("series", {"by_series": GOOD.by_series + Counter({COMPLETED: 2})}),
    ("series", {"by_series": GOOD.by_series + Counter({CONFLICT: 6})}),
    ("series", {"by_series": GOOD.by_series + Counter({UNHANDLED: 2})}),
    ("attempts", {"by_series": GOOD.by_series + Counter({FAILED: 2})}),
    ("attempts", {"by_series": GOOD.by_series + Counter({LLM_ERROR: 2})}),
    ("dialogues", {"by_series": GOOD.by_series - Counter({COMPLETED: 2})}),
    ("dialogues", {"own": Counter({STARTED: 50}), "by_series": Counter({STARTED: 50})}),
    ("never-fell", {"fell": ("http_requests_total{} fell from 3.0 to 2.0",)}),
    ("no-resets", {"resets": ("http_requests_total{} fell 1 times",)}),
    ("workers-alike", {"unlike": ("http_requests_total{}: 2.0 and 3.0",)}),
    ("workers-alike", {"asked": 0}),
    ("scraped", {"not_scraped": ("http_requests_total{}: 2.0 and 3.0",)}),
    ("pushed", {"not_pushed": ("http_requests_total{}: 2.0 and None",)}),
    ("statuses", {"answered": GOOD.answered + Counter({500: 1})}),
    ("statuses", {"by_status": {**GOOD.by_status, "500": 1}}),
    ("statuses", {"unavailable": (Span(40, 41, "POST /api/sessions"),)}),
    ("statuses", {"unexpected": Counter({"GET / answered 200, expected 404": 1})}),
    ("connections", {"broken": (Span(40, 41, "GET /api/products: ReadError"),)}),
    ("connections", {"unanswered": (Span(40, 41, "/metrics: ReadError"),)}),
    ("connections", {"gone": (Span(40, 41, "worker 7 is gone"),)}),
    ("bounds", {"label_sets": {"http_requests_total": 10**6}}),
    ("bounds", {"series": MOST_SERIES + 1}),
    ("memory", {"memory": (150 * MIB, 300 * MIB)}),
    ("memory", {"memory": (0, 0)}),
    ("worst-answer", {"worst": Span(0, 60, "POST /api/sessions")}),
    ("disturbed", {"disturbed": {**GOOD.disturbed, "worker killed": 0}}),
    ("disturbed", {"disturbed": {}}),
    ("disturbed", {"answered": Counter({200: 900, 404: 95}), "unavailable": ()}),
    ("faults", {"faults": {"record": 1, "export": 0}}),
    ("faults", {"faults": {"export": 30}}),
)


def test_right_numbers_keep_every_law() -> None:
    assert broken(GOOD) == {}


@pytest.mark.parametrize(("law", "wrong"), WRONG)
def test_a_wrong_number_breaks_its_law(law: str, wrong: dict[str, Any]) -> None:
    assert law in broken(replace(GOOD, **wrong))


def test_every_law_has_a_number_that_breaks_it() -> None:
    assert {law for law, _ in WRONG} == {law.name for law in LAWS}


def test_a_request_of_unknown_fate_is_no_fault() -> None:
    """It may be counted or not: both ends of what is allowed are. A stream that was left is counted, unless
    its worker ended then."""
    assert GOOD.certain == GOOD.whole + 3
    for counted in (GOOD.certain, GOOD.sent):
        assert "requests" not in broken(replace(GOOD, counted=counted))


def test_a_stream_that_was_left_may_have_ended_in_a_conflict() -> None:
    """Its dialogue was over before its verdict was; one more than those of unknown fate is too many."""
    most = len(GOOD.left) + len(GOOD.broken)
    for many, holds in ((0, True), (most, True), (most + 1, False)):
        found = broken(replace(GOOD, by_series=GOOD.by_series + Counter({CONFLICT: many})))
        assert ("series" not in found) == holds


def test_a_time_out_is_nobodys_leaving() -> None:
    """The clients' account has none; the counter of those that left does not take it in."""
    both = replace(GOOD, by_series=GOOD.by_series + Counter({TIMED_OUT: 40}))
    assert both.dialogues("abandoned") == (19, 19)


def test_of_many_faults_the_first_few_are_told() -> None:
    many = broken(replace(GOOD, fell=tuple(map(str, range(30)))))["never-fell"]
    assert many == [*map(str, range(SHOWN)), f"and {30 - SHOWN} more"]


def printed(numbers: Numbers) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        show(console, numbers, broken(numbers), ["left out, the full disk: no root"])
    return captured.get()


def test_the_table_has_every_number() -> None:
    told = {what.strip(): (number, against) for what, number, against in rows(GOOD)}
    assert told["requests sent"][0] == "1,000"
    assert told["answered"] == ("995", "2xx 900, 4xx 90, 5xx 5")
    assert (told["left"][0], told["lost"][0]) == ("4", "0")
    assert told["dialogues started"] == ("50", "by the clients' account; counted 51")
    assert told["telemetry faults"] == ("3", "record 0, export 3, render 0; only exports may fail")
    assert "left out, the full disk: no root" in printed(GOOD)
    assert f"{len(LAWS)} of {len(LAWS)} laws hold" in printed(GOOD)


def test_a_broken_law_is_named_with_how() -> None:
    shown = printed(replace(GOOD, counted=994))
    assert "BROKEN  requests: answered <= counted <= sent" in shown
    assert "995 answered, 998 to be counted, 994 counted, 1000 sent" in shown
    assert f"{len(LAWS) - 1} of {len(LAWS)} laws hold" in shown


@pytest.fixture
def _whole_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command clears it for its children, and listens to SIGTERM; not in the tests' own process."""
    monkeypatch.setattr(command, "_only_ours", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)


@pytest.mark.usefixtures("_whole_environment")
@pytest.mark.parametrize(("numbers", "code"), [(GOOD, 0), (replace(GOOD, fell=("a counter fell",)), 1)])
def test_the_exit_code_says_whether_all_laws_hold(
    numbers: Numbers, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "soak", lambda *_: (numbers, []))
    assert command.main(["--seconds", "20"]) == code
    assert ("never-fell" in capsys.readouterr().out) == bool(code)


@pytest.mark.usefixtures("_whole_environment")
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (SetUpError("otelcol could not be had"), 2, "soak: it cannot begin: otelcol could not be had"),
        (BrokenOffError("waited 90 s for a worker"), 1, "soak: it broke off: waited 90 s for a worker"),
        (KeyboardInterrupt(), 130, "soak: stopped; everything is ended and removed"),
    ],
)
def test_what_keeps_it_from_its_end_is_told(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(command, "soak", fails)
    assert command.main([]) == code
    assert says in capsys.readouterr().err
