"""Golden: the same events on prometheus_client, with the specification's definitions, and on our handles,
each in a process of its own and scraped over HTTP, give the same series."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from data.golden_app import METRICS
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from support.servers import free_port, run

GOLDEN = Path(__file__).parents[1] / "data" / "golden_app.py"
TEXT = {"Accept": "text/plain;version=0.0.4"}
STAGES = ("product_selection", "review_collection", "dialogue_start", "dialogue_active", "dialogue_complete")

# The only differences allowed: a predicate on a family and one of its samples.
ALLOWED: dict[str, Callable[[Metric, Sample], bool]] = {
    "prometheus_client says when a series began": lambda _, sample: sample.name.endswith("_created"),
    "our counters are there before their first event": lambda family, sample: (
        family.type == "counter" and sample.value == 0
    ),
    "our histograms are there before their first value": lambda family, sample: (
        family.type == "histogram" and group(sample) in {group(s) for s in family.samples if is_empty(s)}
    ),
}


def group(sample: Sample) -> frozenset[tuple[str, str]]:
    """What the samples of one histogram have in common."""
    return frozenset(sample.labels.items() - {("le", sample.labels.get("le", ""))})


def is_empty(sample: Sample) -> bool:
    return sample.name.endswith("_count") and sample.value == 0


Event = tuple[str, dict[str, str], str, float | None]


def values(rng: random.Random) -> dict[str, list[str]]:
    """Values by label, some of them hard to write."""
    return {
        "method": ["GET", "POST", "DELETE"],
        "endpoint": ["/", "/api/products/{product_id}", "(unmatched)"],
        "status_code": ["200", "404", "500"],
        "category": ["robot_cleaner", "의자", 'a"b\\c\nd'],
        "provider": ["gemini", "openai", "claude"],
        "status": ["success", "error", "fallback"],
        "type": ["prompt", "completion"],
        "session_id": [f"s{rng.randrange(10**9)}" for _ in range(5)],
        "error_type": ["timeout", "retrieval_error", "theirs"],
        "component": ["llm", "retrieval", "other"],
        "stage": list(STAGES),
        "action": ["enter", "complete"],
        "reason": ["timeout", "browser_close"],
    }


def events() -> list[Event]:
    """Some 1,500 events over all 18 metrics; amounts below and above bounds, and on each of them."""
    rng = random.Random(3)  # noqa: S311 - the same events at each run
    choices = values(rng)
    made: list[Event] = []
    for number in range(1_500):
        name = list(METRICS)[number % len(METRICS)]
        metric = METRICS[name]
        labels = {label: rng.choice(choices[label]) for label in metric._labelnames}
        bounds = getattr(metric, "_upper_bounds", [])[:-1]
        if bounds:
            bound = rng.choice(bounds)
            made.append((name, labels, "observe", rng.choice([bound, bound * 0.99, bound * 1.01, 1e6])))
        elif name.endswith("_gauge"):
            made.append((name, labels, "set", rng.randrange(-3, 50)))
        else:
            made.append((name, labels, "inc", rng.choice([None, 1, 2.5, 0])))
    for name, metric in METRICS.items():
        labels = {label: choices[label][0] for label in metric._labelnames}
        made += [(name, labels, "observe", bound) for bound in getattr(metric, "_upper_bounds", [])[:-1]]
    return made


class Scrape(NamedTuple):
    """Type by family, value by series."""

    types: dict[str, str]
    series: dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Scrape:
    """A scrape without what is allowed to differ."""
    types: dict[str, str] = {}
    series: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if any(allowed(family, sample) for allowed in ALLOWED.values()):
                continue
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in series, f"{key} stands twice"
            types[family.name], series[key] = family.type, sample.value
    return Scrape(types, series)


def scrape(golden: Path, made: list[Event], folder: Path) -> dict[str, Scrape]:
    """Both sides after the same events."""
    file = folder / "events.json"
    file.write_text(json.dumps(made), encoding="utf-8")
    with ExitStack() as stack:
        servers = {}
        for side in ("prometheus_client", "telemetry"):
            port = free_port()
            script = golden if side == "prometheus_client" else GOLDEN
            servers[side] = stack.enter_context(
                run([sys.executable, script, side, str(port), file], f"http://127.0.0.1:{port}", "/metrics")
            )
        return {side: read(httpx.get(f"{s.url}/metrics", headers=TEXT).text) for side, s in servers.items()}


@pytest.fixture(scope="module")
def made() -> list[Event]:
    return events()


def test_the_same_events_give_the_same_series(made: list[Event], tmp_path: Path) -> None:
    """Names, types, labels, `le` strings and values are equal, but for ALLOWED."""
    both = scrape(GOLDEN, made, tmp_path)
    golden, ours = both["prometheus_client"], both["telemetry"]
    assert ours.types == golden.types
    assert ours.series.keys() == golden.series.keys()
    assert ours.series == golden.series
    assert len(golden.types) == 18
    assert len(golden.series) > 300


MUTATIONS = [
    ("a bound", '("method", "endpoint"), 0.01, 0.05', '("method", "endpoint"), 0.02, 0.05'),
    ("a bound left out", '("category",), 0, 1, 2, 3, 5,', '("category",), 0, 1, 2, 5,'),
    ("a label", 'counter("errors_total", "error_type"', 'counter("errors_total", "kind"'),
    ("a name", 'counter("llm_tokens_total"', 'counter("llm_token_total"'),
    ("a kind", 'counter("dialogue_sessions_total"', 'gauge("dialogue_sessions_total"'),
]


@pytest.mark.parametrize(("what", "given", "instead"), MUTATIONS, ids=[what for what, *_ in MUTATIONS])
def test_the_comparison_goes_red(
    made: list[Event], tmp_path: Path, what: str, given: str, instead: str
) -> None:
    """One thing changed in a copy of the definitions, and the scrapes differ."""
    source = GOLDEN.read_text(encoding="utf-8")
    assert source.count(given) == 1
    mutant = tmp_path / "mutant.py"
    mutant.write_text(source.replace(given, instead), encoding="utf-8")
    both = scrape(mutant, made, tmp_path)
    assert both["telemetry"] != both["prometheus_client"], f"{what} was changed, and nothing was seen"
