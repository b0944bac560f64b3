"""The driver's own account: what it did, as the API's counters should have counted it (seen from outside)."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from telemetry.catalog import BY_NAME
from telemetry.record.schema import Metric

ERROR_OF_STATUS = {
    404: "not_found",
    409: "conflict",
    422: "validation",
    429: "rate_limit",
    500: "unhandled",
    503: "unavailable",
}
PIPELINE = ("retrieval_duration_seconds_count", "scoring_duration_seconds_count", "evidence_count_count")


class CountedSeries(NamedTuple):
    """One series that only rises: its sample's name, its label values in the catalogue's order."""

    name: str
    values: tuple[str, ...]

    @property
    def labels(self) -> dict[str, str]:
        """The labels by name."""
        return dict(zip(metric_of(self.name).label_names, self.values, strict=True))

    def __str__(self) -> str:
        inside = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{inside}}}" if inside else self.name


def metric_of(sample: str) -> Metric:
    """The catalogue entry of a counter's sample, or of a histogram's `_count`."""
    return BY_NAME.get(sample) or BY_NAME[sample.removesuffix("_count")]


def series(sample: str, **labels: str) -> CountedSeries:
    """The series with these labels, all of them and no others."""
    names = metric_of(sample).label_names
    if set(names) != set(labels):
        raise ValueError(f"{sample} has the labels {names}, not {tuple(labels)}")
    return CountedSeries(sample, tuple(labels[name] for name in names))


class ShopperLedger:
    """The actions and sights of a scenario's shoppers.

    `failures`: each failure in words, with its count. `verdicts`: (provider, status) from the API's answers.
    """

    def __init__(self) -> None:
        self.counts: Counter[CountedSeries] = Counter()
        self.failures: Counter[str] = Counter()
        self.verdicts: Counter[tuple[str, str]] = Counter()

    def request(self, method: str, endpoint: str, status: int) -> None:
        """A request was answered; `endpoint` is its route template."""
        self._add("http_requests_total", method=method, endpoint=endpoint, status_code=str(status))
        self._add("http_request_duration_seconds_count", method=method, endpoint=endpoint)
        if error_type := ERROR_OF_STATUS.get(status):
            self._add("errors_total", error_type=error_type, component="api")

    def page_seen(self, category: str) -> None:
        """A product page was opened."""
        self._step("product_selection", "enter", category)

    def started(self, category: str, reviews: int, *, seen_before: bool) -> None:
        """A dialogue began. `seen_before`: with the id of a visit."""
        if not seen_before:
            self.page_seen(category)
        self._step("product_selection", "complete", category)
        self._step("review_collection", "enter", category)
        self._step("review_collection", "complete", category)
        self._step("dialogue_start", "enter", category)
        for name in ("dialogue_sessions_total", "product_analysis_total", *PIPELINE):
            self._add(name, category=category)
        self.counts[series("reviews_processed_total", category=category)] += reviews

    def answered(self, category: str, turn: int, *, last: bool) -> None:
        """The answer number `turn` was taken; after the last one, the verdict is written."""
        if turn == 1:
            self._step("dialogue_start", "complete", category)
            self._step("dialogue_active", "enter", category)
        for name in ("dialogue_turns_total", *PIPELINE):
            self._add(name, category=category)
        if last:
            self._step("dialogue_active", "complete", category)
            self._step("dialogue_complete", "enter", category)

    def delivered(self, category: str, provider: str, status: str) -> None:
        """The verdict came."""
        self._step("dialogue_complete", "complete", category)
        self._add("dialogue_completions_total", category=category)
        self.verdicts[provider, status] += 1

    def left(self, stage: str) -> None:
        """A shopper closed the browser."""
        self._add("session_abandoned_total", stage=stage, reason="browser_close")

    def failed(self, what: str) -> None:
        """Something went otherwise than the script says."""
        self.failures[what] += 1

    def _step(self, stage: str, action: str, category: str) -> None:
        self._add("user_journey_stage_total", stage=stage, action=action, category=category)

    def _add(self, sample: str, **labels: str) -> None:
        self.counts[series(sample, **labels)] += 1
