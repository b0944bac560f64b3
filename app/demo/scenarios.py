"""The scenarios, as data: who comes, how the LLM providers behave meanwhile, which metrics should move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from app.demo import behaviours as does
from app.demo.shopper import Shopper

Behaviour = Callable[[Shopper], Awaitable[None]]
Script = Mapping[str, Any]

JOURNEY = (
    "http_requests_total",
    "dialogue_sessions_total",
    "dialogue_turns_total",
    "dialogue_completions_total",
)


@dataclass(frozen=True)
class Scenario:
    """One scenario. Its shoppers take `behaviours` in turn.

    `first`, `every`: the simulator's script for the first provider, or for every provider. `optional_script`:
    without a simulator it is played without the script, instead of being left out.
    """

    name: str
    shows: str
    moves: tuple[str, ...]
    behaviours: tuple[Behaviour, ...] = (does.completes,)
    first: Script = field(default_factory=dict)
    every: Script = field(default_factory=dict)
    optional_script: bool = False

    @property
    def needs_simulator(self) -> bool:
        """Whether it can only be played where providers can be scripted."""
        return bool(self.first or self.every) and not self.optional_script

    def cast(self, shoppers: int) -> tuple[Behaviour, ...]:
        """What each of this many shoppers does; every behaviour at least once."""
        return tuple(islice(cycle(self.behaviours), max(shoppers, len(self.behaviours))))

    def scripts(self, order: tuple[str, ...]) -> dict[str, Script]:
        """The scripts by provider, given the providers' order."""
        everyone = dict.fromkeys(order, self.every) if self.every else {}
        return {**everyone, order[0]: self.first} if self.first else everyone


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "happy-path",
        "Shoppers answer three to five questions and get their verdict from the first provider.",
        (
            *JOURNEY,
            "llm_calls_total",
            "llm_tokens_total",
            "evidence_count_count",
            "reviews_processed_total",
        ),
    ),
    Scenario(
        "failing-provider",
        "The first provider answers 500, 429 and 401: others step in, every verdict still comes.",
        (*JOURNEY, "llm_calls_total", "llm_duration_seconds_count", "llm_tokens_total", "errors_total"),
        first={
            "failures": [
                {"outcome": "server", "share": 0.34},
                {"outcome": "rate_limit", "share": 0.5},
                {"outcome": "auth"},
            ]
        },
    ),
    Scenario(
        "slow-provider",
        "The first provider takes its time, across the buckets of llm_duration_seconds; some calls time out.",
        (*JOURNEY, "llm_calls_total", "llm_duration_seconds_count", "errors_total"),
        first={
            "latency_seconds": 1.2,
            "latency_sigma": 0.9,
            "failures": [{"outcome": "hang", "next": 2}],
        },
    ),
    Scenario(
        "no-provider",
        "Every provider is down: the local template writes the verdicts, so each dialogue ends with one.",
        (*JOURNEY, "llm_calls_total", "llm_duration_seconds_count", "errors_total"),
        every={"failures": [{"outcome": "server"}]},
    ),
    Scenario(
        "error-burst",
        "Unknown products and sessions, requests that do not fit, answers out of turn, scanners: "
        "counted by type, and the scanners' paths make no series.",
        ("http_requests_total", "errors_total", "dialogue_sessions_total", "session_abandoned_total"),
        (
            does.asks_for_what_is_not_there,
            does.returns_to_a_lost_session,
            does.sends_nonsense,
            does.answers_out_of_turn,
            does.scans,
        ),
    ),
    Scenario(
        "walk-away",
        "Shoppers leave at every stage: on the product page, at the first question, amid the dialogue, "
        "before the verdict.",
        (*JOURNEY, "session_abandoned_total", "user_journey_stage_total", "errors_total"),
        (
            does.only_looks,
            does.leaves_at_the_first_question,
            does.leaves_amid_the_dialogue,
            does.leaves_before_the_verdict,
            does.completes,
        ),
        # Slow enough to leave before the verdict. Real providers are that slow by themselves.
        every={"latency_seconds": 1.0},
        optional_script=True,
    ),
)
BY_NAME: Mapping[str, Scenario] = {scenario.name: scenario for scenario in SCENARIOS}
QUICK = (SCENARIOS[0],)
