"""The committed rules, as fast as a test: evaluated every few seconds, and alerts that fire at once."""

from __future__ import annotations

import re

from monitoring.objectives.rules import EVERY
from monitoring.targets import HERE
from telemetry.doctor.durations import seconds as interval_seconds


def quick_rules(seconds: float) -> dict[str, str]:
    """The text of every rule file by its place below the configuration; each group runs every `seconds`."""
    return {
        f"alerts/{path.name}": _quick(path.read_text("utf-8"), seconds)
        for path in (HERE / "alerts").glob("*.yml")
    }


def _quick(text: str, seconds: float) -> str:
    text = re.sub(r"^ +for: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^( +interval): .*", rf"\1: {seconds:g}s", text, flags=re.MULTILINE)
    return text.replace(f"* {interval_seconds(EVERY):g} >=", f"* {seconds:g} >=")
