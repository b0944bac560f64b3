"""What a faulted application tells: the numbers of its pages, and the lines of its log."""

from __future__ import annotations

import re
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families
from support.keptalive import RawAnswer

Numbers = Counter[tuple[str, frozenset[tuple[str, str]]]]

LONG = "long"
"""How the label values begin that fill a file."""
_BESIDES = ("/pid", "/grow", "/long/{item}")
_LINE = re.compile(
    r"^@(\d+)\|(?:opentelemetry|telemetry)[\w.]*\|(?:WARNING|ERROR|CRITICAL)\|(.*)$", re.MULTILINE
)
_LOOSE = re.compile(r"Exception in thread|never retrieved|^@\d+\|asyncio\|ERROR", re.MULTILINE)


def samples(page: RawAnswer) -> Numbers:
    """Every sample of a page, by name and labels."""
    assert page.status == 200, page
    return Counter(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page.body.decode())
            for sample in family.samples
        }
    )


def counts(labels: frozenset[tuple[str, str]]) -> bool:
    """Whether a series is of the script, not of what a single row asks for besides."""
    told = dict(labels)
    return told.get("endpoint") not in _BESIDES and not told.get("category", "").startswith(LONG)


def numbers_of(page: RawAnswer) -> Numbers:
    """Counters, and how many values each histogram has; the label sets that are new each time as one."""
    found: Numbers = Counter()
    for (name, labels), value in samples(page).items():
        told = dict(labels)
        if name == "telemetry_overflow_total" or told.get("component") == "telemetry":
            continue
        if not counts(labels):
            continue
        if name.endswith(("_total", "_count")):
            kept = {key: re.sub(r"^new\d+$", "new", text) for key, text in told.items()}
            found[name, frozenset(kept.items())] += value
    return found


def difference(after: Numbers, before: Numbers) -> Numbers:
    """What was added, or is missing, by series; series that stand left out."""
    return Counter({key: after[key] - before[key] for key in {*after, *before} if after[key] != before[key]})


def told(log: str) -> list[tuple[str, str]]:
    """What telemetry and the SDK have warned of: process and line; AssertionError for what nobody caught."""
    loose = _LOOSE.search(log)
    assert not loose, log
    return _LINE.findall(log)
