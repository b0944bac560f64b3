"""The driver's own account, the simulator's ledger as counts, and the scenarios as data."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from app.demo.compare import COMPARED, llm_calls
from app.demo.ledger import CountedSeries, ShopperLedger, series
from app.demo.scenarios import BY_NAME, SCENARIOS
from app.demo.simulator import ERROR_OF_OUTCOME, SimulatorClient, account
from app.llm.simulator.script import FailureOutcome, Script
from telemetry.catalog import BY_NAME as METRICS
from telemetry.catalog import ERRORS


def journey(ledger: ShopperLedger) -> dict[tuple[str, str], int]:
    """Steps by (stage, action)."""
    return {
        (one.labels["stage"], one.labels["action"]): number
        for one, number in ledger.counts.items()
        if one.name == "user_journey_stage_total"
    }


def test_a_whole_dialogue_takes_every_step_once() -> None:
    """Page, dialogue of three answers, verdict: the table of events, as seen from outside."""
    ledger = ShopperLedger()
    ledger.page_seen("chair")
    ledger.started("chair", 60, seen_before=True)
    for turn in (1, 2, 3):
        ledger.answered("chair", turn, last=turn == 3)
    ledger.delivered("chair", "gemini", "success")
    stages = next(
        label.values for label in METRICS["user_journey_stage_total"].labels if label.name == "stage"
    )
    assert journey(ledger) == {(stage, action): 1 for stage in stages for action in ("enter", "complete")}
    others = {str(one): number for one, number in ledger.counts.items() if "journey" not in one.name}
    assert others == {
        'dialogue_sessions_total{category="chair"}': 1,
        'product_analysis_total{category="chair"}': 1,
        'reviews_processed_total{category="chair"}': 60,
        'retrieval_duration_seconds_count{category="chair"}': 4,
        'scoring_duration_seconds_count{category="chair"}': 4,
        'evidence_count_count{category="chair"}': 4,
        'dialogue_turns_total{category="chair"}': 3,
        'dialogue_completions_total{category="chair"}': 1,
    }
    assert ledger.verdicts == {("gemini", "success"): 1}


def test_who_never_opened_the_page_enters_with_the_dialogue() -> None:
    """Product selection is entered and completed at once where no visit is told."""
    ledger = ShopperLedger()
    ledger.started("chair", 1, seen_before=False)
    assert journey(ledger)["product_selection", "enter"] == 1


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(404, "not_found"), (409, "conflict"), (422, "validation"), (500, "unhandled"), (503, "unavailable")],
)
def test_an_error_answer_is_an_error_of_the_api(status: int, error_type: str) -> None:
    """Each status that the API counts as an error, by its type; the request itself, and its duration."""
    ledger = ShopperLedger()
    ledger.request("GET", "/api/products", status)
    assert ledger.counts == {
        series("http_requests_total", method="GET", endpoint="/api/products", status_code=str(status)): 1,
        series("http_request_duration_seconds_count", method="GET", endpoint="/api/products"): 1,
        series("errors_total", error_type=error_type, component="api"): 1,
    }


def test_a_series_must_have_the_labels_of_the_catalogue() -> None:
    """A wrong label would be a difference that nobody understands."""
    with pytest.raises(ValueError, match=r"llm_calls_total has the labels \('provider', 'status'\)"):
        series("llm_calls_total", provider="gemini")
    assert series("evidence_count_count", category="chair") == CountedSeries(
        "evidence_count_count", ("chair",)
    )


def attempt(provider: str, outcome: str = "ok", **other: Any) -> dict[str, Any]:
    """An entry of the simulator's ledger."""
    return {
        "provider": provider,
        "outcome": outcome,
        "aborted": False,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        **other,
    }


def test_attempts_become_calls_durations_tokens_and_errors() -> None:
    """The provider of the first attempt answers with success, others as a fallback; who is left timed out."""
    counts = account(
        [
            attempt("openai", "rate_limit"),
            attempt("gemini", prompt_tokens=7, completion_tokens=3),
            attempt("openai", prompt_tokens=5, completion_tokens=2),
            attempt("openai", aborted=True),
            attempt("gemini", "hang", aborted=True),
            attempt("claude", "invalid_verdict", prompt_tokens=4, completion_tokens=1),
        ]
    )
    assert {str(one): number for one, number in counts.items() if number} == {
        'llm_calls_total{provider="openai", status="error"}': 2,
        'llm_calls_total{provider="openai", status="success"}': 1,
        'llm_calls_total{provider="gemini", status="fallback"}': 1,
        'llm_calls_total{provider="gemini", status="error"}': 1,
        'llm_calls_total{provider="claude", status="error"}': 1,
        'llm_duration_seconds_count{provider="openai"}': 3,
        'llm_duration_seconds_count{provider="gemini"}': 2,
        'llm_duration_seconds_count{provider="claude"}': 1,
        'llm_tokens_total{provider="gemini", type="prompt"}': 7,
        'llm_tokens_total{provider="gemini", type="completion"}': 3,
        'llm_tokens_total{provider="openai", type="prompt"}': 5,
        'llm_tokens_total{provider="openai", type="completion"}': 2,
        'llm_tokens_total{provider="claude", type="prompt"}': 4,
        'llm_tokens_total{provider="claude", type="completion"}': 1,
        'errors_total{error_type="rate_limit", component="llm"}': 1,
        'errors_total{error_type="timeout", component="llm"}': 2,
        'errors_total{error_type="invalid_response", component="llm"}': 1,
    }


def test_verdicts_stand_for_attempts_that_no_ledger_tells() -> None:
    """With real providers the verdicts are all there is; with the simulator, only the template's count."""
    ledger = ShopperLedger()
    ledger.verdicts = Counter({("gemini", "success"): 2, ("template", "fallback"): 1})
    template = series("llm_calls_total", provider="template", status="fallback")
    gemini = series("llm_calls_total", provider="gemini", status="success")
    assert llm_calls(ledger, []) == {gemini: 2, template: 1}
    assert llm_calls(ledger, [attempt("gemini"), attempt("gemini")]) == {
        gemini: 2,
        template: 1,
        series("llm_duration_seconds_count", provider="gemini"): 2,
    }


def test_every_way_to_fail_has_its_error() -> None:
    """No outcome of the simulator is unknown here; those that end when the client leaves need no name."""
    outcomes = set(FailureOutcome.__args__)  # type: ignore[attr-defined]
    assert outcomes - set(ERROR_OF_OUTCOME) == {"ok", "hang", "stall"}
    assert {(error, "llm") for error in ERROR_OF_OUTCOME.values()} <= set(ERRORS)


class FakeControl:
    """A control API that keeps scripts; providers in `broken` take none."""

    def __init__(self) -> None:
        self.scripts: dict[str, Any] = {"gemini": {"seed": 1}, "openai": {"seed": 2}, "claude": {"seed": 3}}
        self.broken: set[str] = set()
        self.simulator = SimulatorClient(
            httpx.Client(base_url="http://simulator", transport=httpx.MockTransport(self.answer))
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        """GET and PUT of /control."""
        if request.method == "GET":
            return httpx.Response(200, json=self.scripts)
        provider = request.url.path.rpartition("/")[2]
        if provider in self.broken:
            return httpx.Response(500)
        self.scripts[provider] = json.loads(request.content)
        return httpx.Response(204)


@pytest.mark.parametrize("leave", [RuntimeError, KeyboardInterrupt])
def test_scripts_are_undone_however_the_block_ends(leave: type[BaseException]) -> None:
    """A failure, or Ctrl-C, leaves every provider as it was."""
    control = FakeControl()
    before = dict(control.scripts)
    with pytest.raises(leave), control.simulator.playing({"gemini": {"seed": 8}, "claude": {"seed": 9}}):
        assert control.scripts == {"gemini": {"seed": 8}, "openai": {"seed": 2}, "claude": {"seed": 9}}
        raise leave
    assert control.scripts == before


def test_one_undo_that_fails_leaves_the_others_undone() -> None:
    """And the failure is told."""
    control = FakeControl()
    with pytest.raises(httpx.HTTPStatusError), control.simulator.playing({"gemini": {}, "claude": {}}):
        control.broken = {"claude"}
    assert control.scripts["gemini"] == {"seed": 1}


def test_a_script_that_is_refused_undoes_those_before_it() -> None:
    """The block is not entered."""
    control = FakeControl()
    control.broken = {"claude"}
    with pytest.raises(httpx.HTTPStatusError), control.simulator.playing({"gemini": {}, "claude": {}}):
        pytest.fail("the block was entered")
    assert control.scripts["gemini"] == {"seed": 1}


def test_scenarios_name_metrics_that_are_compared_and_scripts_that_are_valid() -> None:
    """What a scenario promises can be checked, and what it asks of the simulator is understood there."""
    assert len(BY_NAME) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert set(scenario.moves) <= set(COMPARED), scenario.name
        assert set(scenario.cast(1)) == set(scenario.behaviours)
        assert len(scenario.cast(100)) == 100
        for script in scenario.scripts(("gemini", "openai", "claude")).values():
            Script.model_validate(script)


def test_a_script_is_for_the_first_provider_or_for_every_one() -> None:
    """Whatever the order is."""
    order = ("claude", "gemini")
    assert list(BY_NAME["failing-provider"].scripts(order)) == ["claude"]
    assert list(BY_NAME["no-provider"].scripts(order)) == ["claude", "gemini"]
    assert BY_NAME["happy-path"].scripts(order) == {}
