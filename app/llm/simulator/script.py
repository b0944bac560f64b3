"""Scripts: how a simulated provider behaves, set at run time, and what they decide for the next request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.llm.settings import PROVIDERS

FailureOutcome = Literal[
    "ok",
    "auth",
    "rate_limit",
    "server",
    "late_server",
    "hang",
    "drop",
    "half",
    "stall",
    "truncated",
    "invalid_json",
    "invalid_verdict",
    "empty",
]
Outcome = Literal[FailureOutcome, "invalid_request"]
# Each provider's answer to a wrong key, to too many requests, and when overloaded.
_STATUS: Mapping[str, Mapping[str, int]] = {
    "auth": {"gemini": 400, "openai": 401, "claude": 401},
    "rate_limit": {"gemini": 429, "openai": 429, "claude": 429},
    "server": {"gemini": 503, "openai": 500, "claude": 529},
    "late_server": {"gemini": 503, "openai": 500, "claude": 529},
}

Seconds = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0, le=10_000_000)]


class Failure(BaseModel):
    """One way to fail: for the `next` n requests, or a `share` of them, or both; with neither, always.

    auth, rate_limit, server: an error answer, by default with the provider's own status. late_server: the
    same within a stream of status 200. hang: no answer until the client leaves; stall: silence after half a
    stream. drop: the connection closes before an answer; half: in the middle of it. truncated: the text stops
    at half, with its length as the reason. invalid_json: the body is not JSON. invalid_verdict: well-formed,
    but no verdict. empty: well-formed, no text. ok: success.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: FailureOutcome
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    next: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None


class Script(BaseModel):
    """The behaviour of one provider. The first failure that applies to a request decides.

    latency_seconds: to the first byte; latency_sigma > 0 makes it the median of a log-normal distribution.
    pace_seconds: between the pieces of a stream, of piece_chars characters each. prompt_tokens,
    completion_tokens: figures to report, instead of the text's length.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_seconds: Seconds = 0.0
    latency_sigma: Annotated[float, Field(ge=0, le=3)] = 0.0
    pace_seconds: Seconds = 0.0
    piece_chars: Annotated[int, Field(ge=1, le=10_000)] = 16
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    failures: tuple[Failure, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """One request's fate: the outcome, the status of an answer, seconds to its first byte."""

    outcome: Outcome
    status: int
    latency: float
    script: Script


@dataclass
class _Part:
    """One provider's script, and how far it has been played."""

    script: Script
    asked: int = 0
    spent: dict[int, int] = field(default_factory=dict)


class Director:
    """Holds the script of every provider. The n-th request since a script was set always fares the same."""

    def __init__(self, script: Script | None = None) -> None:
        self._parts = {provider: _Part(script or Script()) for provider in PROVIDERS}

    @property
    def scripts(self) -> dict[str, Script]:
        """The scripts that are being played."""
        return {provider: part.script for provider, part in self._parts.items()}

    def set(self, provider: str, script: Script) -> None:
        """Play this script from its beginning."""
        self._parts[provider] = _Part(script)

    def scene(self, provider: str) -> Scene:
        """What happens to the provider's next request."""
        part = self._parts[provider]
        part.asked += 1
        chance = Random(f"{part.script.seed}/{provider}/{part.asked}")  # noqa: S311 - a simulation, not a secret
        failure = _failure(part, chance)
        latency = part.script.latency_seconds
        if part.script.latency_sigma:
            latency *= math.exp(chance.gauss(0.0, part.script.latency_sigma))
        if failure is None:
            return Scene("ok", 200, latency, part.script)
        status = failure.status or _STATUS.get(failure.outcome, {}).get(provider, 200)
        return Scene(failure.outcome, status, latency, part.script)


def _failure(part: _Part, chance: Random) -> Failure | None:
    for place, failure in enumerate(part.script.failures):
        drawn = chance.random()
        if failure.share is not None and drawn >= failure.share:
            continue
        if failure.next is not None:
            if part.spent.get(place, 0) >= failure.next:
                continue
            part.spent[place] = part.spent.get(place, 0) + 1
        return failure
    return None
