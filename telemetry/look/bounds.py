"""What a page may ask of Prometheus: the paths, the parameters of each, and how much at once."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import datetime

from telemetry.look.refusals import RefusedError

RANGE_SECONDS = 93 * 86_400
"""Between the start and the end of a question."""
POINTS = 11_000
"""Of one series in an answer; Prometheus's own bound."""
SERIES = 20_000
"""In an answer to series, labels and values, of servers that know `limit`."""
CONCURRENCY, WAITING = 16, 48
"""Questions that Prometheus is asked at once, and those that wait for their turn."""
SECONDS = 30
"""Until a question is given up."""
ANSWER_BYTES = 32 * 2**20
BODY_BYTES = 64 * 2**10

_WINDOW = ("start", "end", "limit")
_SERIES = ("match[]", *_WINDOW)
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "time", "limit"),
    "query_range": ("query", "step", *_WINDOW),
    "query_exemplars": ("query", "start", "end"),
    "series": _SERIES,
    "labels": _SERIES,
    "metadata": ("metric", "limit", "limit_per_metric"),
    "rules": ("type", "rule_name[]", "rule_group[]", "file[]", "exclude_alerts"),
    "alerts": (),
    "targets": ("state",),
}
FORMS = frozenset({"query", "query_range", "query_exemplars", "series", "labels"})
"""Those that Prometheus takes as a form, too."""
_VALUES = re.compile(r"label/[a-zA-Z_][a-zA-Z0-9_]*/values")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS = (31_536_000, 604_800, 86_400, 3_600, 60, 1, 0.001)

Pairs = list[tuple[str, str]]


def parameters(path: str) -> tuple[str, ...] | None:
    """The names that a path takes; None where it is no path of the query API."""
    return _SERIES if _VALUES.fullmatch(path) else PARAMETERS.get(path)


def bounded(path: str, given: Pairs, now: float | None = None) -> Pairs:
    """The parameters to ask Prometheus with. Raises RefusedError for one that is unknown, cannot be read, or
    asks for too much."""
    for name, _ in given:
        if name not in (parameters(path) or ()):
            raise RefusedError(400, "bad_data", f"unknown parameter {name[:40]!r}")
    only = {name: value for name, value in given if not name.endswith("[]")}
    asked = [pair for pair in given if pair[0].endswith("[]")] + list(only.items())
    if path in ("query", "query_range"):
        asked.append(("timeout", f"{SECONDS}s"))
    if "start" not in (parameters(path) or ()):
        return asked
    end = _moment("end", only["end"]) if "end" in only else time.time() if now is None else now
    start = _moment("start", only["start"]) if "start" in only else end - RANGE_SECONDS
    if end - start > RANGE_SECONDS:
        raise RefusedError(
            422, "limit", f"the range is {end - start:.0f} s; expected {RANGE_SECONDS} s at most"
        )
    if path == "query_range":
        points = (end - start) / _step(only.get("step", ""))
        if points > POINTS:
            raise RefusedError(422, "limit", f"{points:.0f} points a series; expected {POINTS} at most")
        return asked
    own = {"start": str(start), "end": str(end), **({} if path == "query_exemplars" else _limit(only))}
    return [pair for pair in asked if pair[0] not in own] + list(own.items())


def _limit(given: Mapping[str, str]) -> dict[str, str]:
    text = given.get("limit") or str(SERIES)
    if not text.isdecimal() or not text.isascii():
        raise RefusedError(400, "bad_data", f"limit={text[:40]!r}: expected a whole number")
    return {"limit": str(min(int(text[:9]) or SERIES, SERIES))}


def _moment(name: str, text: str) -> float:
    """Unix seconds of a number or of RFC 3339."""
    try:
        moment = float(text)
    except ValueError:
        moment = _rfc3339(text)
    if not math.isfinite(moment):
        raise RefusedError(400, "bad_data", f"{name}={text[:40]!r}: expected Unix seconds, or RFC 3339")
    return moment


def _rfc3339(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment.timestamp() if moment.tzinfo else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _step(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        parts = _DURATION.fullmatch(text) if text else None
        seconds = sum(
            int(number or 0) * unit
            for number, unit in zip(parts.groups() if parts else (), _UNITS, strict=False)
        )
    if not 0 < seconds < math.inf:
        raise RefusedError(
            400, "bad_data", f"step={text[:40]!r}: expected seconds, or a duration such as 15s"
        )
    return seconds
