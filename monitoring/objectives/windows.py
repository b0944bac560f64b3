"""windows.yaml, typed: the pairs of windows over which a burning budget is judged."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from monitoring.targets import HERE
from telemetry.doctor.durations import seconds

SOURCE = "monitoring/objectives/windows.yaml"
SEVERITIES = {"page": "critical", "ticket": "warning"}
"""By sloth's name: who is woken, and who looks in the morning."""


class ObjectivesError(ValueError):
    """An entry of slo.yaml or windows.yaml that is refused: names the key, the value and the expectation."""


@dataclass(frozen=True)
class Pair:
    """A long and a short window, and how many times too fast the budget burns where both say so."""

    severity: str
    long: str
    short: str
    factor: Fraction


@dataclass(frozen=True)
class Windows:
    """The period of the budget, and the pairs by severity, quick before slow."""

    period: str
    pairs: tuple[Pair, ...]

    def of(self, severity: str) -> tuple[Pair, ...]:
        """The pairs of one severity."""
        return tuple(pair for pair in self.pairs if pair.severity == severity)

    @property
    def all(self) -> tuple[str, ...]:
        """Every window once, the shortest first, the period last."""
        found = {window for pair in self.pairs for window in (pair.short, pair.long)}
        return (*sorted(found - {self.period}, key=seconds), self.period)


def read_windows(path: Path = HERE / "objectives" / "windows.yaml") -> Windows:
    """windows.yaml. Raises ObjectivesError for a missing key or windows that do not follow each other."""
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
    period = spec["sloPeriod"]
    pairs = [
        _pair(f"spec.{name}.{speed}", SEVERITIES[name], period, spec[name][speed])
        for name in SEVERITIES
        for speed in ("quick", "slow")
    ]
    return Windows(period, tuple(pairs))


def _pair(key: str, severity: str, period: str, entry: dict[str, Any]) -> Pair:
    short, long = entry["shortWindow"], entry["longWindow"]
    if not 0 < seconds(short) < seconds(long) < seconds(period):
        raise ObjectivesError(
            f"{SOURCE}: {key}: {short}, {long}: expected a short window, a longer one, both below {period}"
        )
    share = Fraction(str(entry["errorBudgetPercent"])) / 100
    if not 0 < share <= 1:
        raise ObjectivesError(f"{SOURCE}: {key}.errorBudgetPercent: {share * 100}: expected 0 to 100")
    return Pair(severity, long, short, share * Fraction(seconds(period)) / Fraction(seconds(long)))
