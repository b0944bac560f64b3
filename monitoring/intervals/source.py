"""intervals.yaml, typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from monitoring.targets import HERE
from telemetry.doctor.durations import seconds

SOURCE = "monitoring/intervals.yaml"
_DURATION = re.compile(r"[1-9]\d*(ms|s|m|h)")


class IntervalsError(ValueError):
    """An entry of intervals.yaml that cannot be used: names the key, the value and what was expected."""


@dataclass(frozen=True)
class Intervals:
    """Every interval by name, and file (a glob) -> key -> name of the interval that it says."""

    every: Mapping[str, str]
    said_in: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        for name, duration in self.every.items():
            if not _DURATION.fullmatch(str(duration)):
                raise IntervalsError(f"{SOURCE}: every.{name}: {duration!r}: expected a duration such as 10s")
        for file, keys in self.said_in.items():
            for key, name in keys.items():
                if name not in self.every:
                    known = ", ".join(self.every)
                    raise IntervalsError(f"{SOURCE}: {file}: {key}: {name!r}: expected one of {known}")

    def seconds(self, name: str) -> float:
        """The interval of that name; KeyError when there is none."""
        return seconds(self.every[name])


def read_intervals(path: Path = HERE / "intervals.yaml") -> Intervals:
    """intervals.yaml. Raises IntervalsError for a key, a name or a duration that cannot be used."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if sorted(data) != ["every", "said_in"]:
        raise IntervalsError(f"{SOURCE}: {', '.join(data)}: expected the keys every and said_in")
    return Intervals(**data)
