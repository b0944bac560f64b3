"""Sent and counted, side by side: which series are compared, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from app.demo.ledger import CountedSeries, ShopperLedger, series
from app.demo.scenarios import Scenario
from app.demo.shop import ENDPOINTS
from app.demo.simulator import Attempt, account
from telemetry.catalog import PROVIDERS

TEMPLATE = PROVIDERS[-1]

# Series known from outside, so the driver and Prometheus must agree on them.
COMPARED = (
    "http_requests_total",
    "http_request_duration_seconds_count",
    "dialogue_sessions_total",
    "dialogue_turns_total",
    "dialogue_completions_total",
    "llm_calls_total",
    "llm_duration_seconds_count",
    "llm_tokens_total",
    "retrieval_duration_seconds_count",
    "scoring_duration_seconds_count",
    "evidence_count_count",
    "errors_total",
    "product_analysis_total",
    "reviews_processed_total",
    "user_journey_stage_total",
    "session_abandoned_total",
)


@dataclass(frozen=True)
class Outcome:
    """What a scenario did, by the driver's account, and what Prometheus counted meanwhile.

    `left_out`: why it was not played.
    """

    scenario: Scenario
    sent: Counter[CountedSeries] = field(default_factory=Counter)
    counted: Counter[CountedSeries] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    left_out: str = ""

    @property
    def differences(self) -> tuple[CountedSeries, ...]:
        """The series that the two accounts do not agree on."""
        return tuple(sorted(one for one in self.moved if self.sent[one] != self.counted[one]))

    @property
    def moved(self) -> tuple[CountedSeries, ...]:
        """Every series that one of the accounts says has risen."""
        return tuple(
            sorted(one for one in {*self.sent, *self.counted} if self.sent[one] or self.counted[one])
        )

    @property
    def good(self) -> bool:
        """Everything went by the script, and the accounts agree."""
        return not self.failures and not self.differences


def llm_calls(ledger: ShopperLedger, attempts: list[Attempt]) -> Counter[CountedSeries]:
    """The LLM attempts: by the simulator's account and, for what it cannot know, by the verdicts."""
    return account(attempts) + Counter(
        {
            series("llm_calls_total", provider=provider, status=status): number
            for (provider, status), number in ledger.verdicts.items()
            if provider == TEMPLATE or not attempts
        }
    )


def comparable(
    counts: Counter[CountedSeries], *, every_attempt_known: bool = True, time_outs_known: bool = False
) -> Counter[CountedSeries]:
    """Without what the driver does not cause, or cannot know."""

    def is_comparable(one: CountedSeries) -> bool:
        labels = one.labels
        if not every_attempt_known and (one.name.startswith("llm_") or labels.get("component") == "llm"):
            return labels.get("status") in {"success", "fallback"}
        return (
            labels.get("endpoint", ENDPOINTS[0]) in ENDPOINTS
            and (time_outs_known or labels.get("reason") != "timeout")
            and labels.get("component") != "ingest"
        )

    return Counter({one: number for one, number in counts.items() if is_comparable(one)})
