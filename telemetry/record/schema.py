"""One metric as a frozen entry, from which all else is derived: its labels, its limits and their checks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, get_args

Kind = Literal["counter", "histogram", "gauge"]
Values = tuple[str, ...]
"""A label set: its values, in the order of the metric's labels."""

OTHER = "(other)"

# How many values an open label may have, where an entry does not say how many label sets there may be.
OPEN_VALUES = 500

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {"le", "quantile", "job", "instance"}


class CatalogError(ValueError):
    """A catalogue entry that no backend could serve as it is written."""


@dataclass(frozen=True)
class Label:
    """One label. `values` are the only values it takes; empty: any. `runtime`: which of them occur is known
    at run time only."""

    name: str
    values: tuple[str, ...] = ()
    runtime: bool = False

    @property
    def preinitialised(self) -> tuple[str, ...]:
        """The values that exist from the start."""
        return () if self.runtime else self.values

    def among(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `values` that the label takes."""
        return tuple(value for value in values if not self.values or value in self.values)


@dataclass(frozen=True)
class Metric:
    """One metric: its full Prometheus name, kind, UCUM unit or annotation, labels and bucket bounds.

    `preinitialised` lists label sets that exist from the start, unless every combination does. `at_most`
    limits its label sets, if the default is too high or too low. `read_by` names the dashboards and alerts
    that would break without it.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[Label, ...]
    buckets: tuple[float, ...] = ()
    preinitialised: tuple[tuple[str, ...], ...] = ()
    at_most: int = 0
    read_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise CatalogError(f"metric {self.name!r}: {problem}")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The label names, in the order in which handles keep their values."""
        return tuple(label.name for label in self.labels)

    @property
    def is_open(self) -> bool:
        """Whether a label takes any value, so that strangers can make ever more series."""
        return not all(label.values for label in self.labels)

    @property
    def closed_sets(self) -> int:
        """The label sets of its closed labels, "(other)" included: the sets that remain once all else is
        folded.
        """
        return prod(len({*label.values, OTHER}) for label in self.labels if label.values)

    @property
    def cardinality_limit(self) -> int:
        """The most label sets that it ever has (see record/cardinality.py)."""
        if not self.is_open:
            return self.closed_sets
        return self.at_most or OPEN_VALUES * prod(len(label.values) for label in self.labels if label.values)

    @property
    def room(self) -> int:
        """How many of these are for label sets that are not preinitialised; no gauge's are."""
        return self.cardinality_limit if self.kind == "gauge" else self.cardinality_limit // 2

    @property
    def series_per_label_set(self) -> int:
        """A histogram has a series for each bucket, for +Inf, for the sum and for the count."""
        return len(self.buckets) + 3 if self.buckets else 1

    def preinitialised_label_sets(self, values: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        """Every label set that can be put at 0 beforehand, given run-time `values` by label name."""
        if self.preinitialised:
            return iter(self.preinitialised)
        return product(*(label.among(values.get(label.name, label.preinitialised)) for label in self.labels))


def _problems(metric: Metric) -> Iterator[str]:
    names = metric.label_names
    if not _NAME.fullmatch(metric.name):
        yield "expected a name of lower-case letters, digits and underscores"
    if metric.kind not in get_args(Kind):
        yield f"kind {metric.kind!r}: expected one of {', '.join(get_args(Kind))}"
    if (metric.kind == "counter") != metric.name.endswith("_total"):
        yield f"a name ends in _total if and only if it is a counter; the kind is {metric.kind}"
    if metric.unit not in {"s", "By"} and not re.fullmatch(r"\{[a-z]+\}", metric.unit):
        yield f"unit {metric.unit!r}: expected 's', 'By' or an annotation such as '{{request}}'"
    if (metric.unit == "s") != ("_seconds" in metric.name):
        yield "unit 's' goes with a name that says _seconds, and only with such a name"
    if not metric.description.strip():
        yield "expected a description"
    if len(set(names)) != len(names):
        yield f"labels {names}: each may stand once"
    for name in names:
        if not _NAME.fullmatch(name) or "__" in name or name in _RESERVED:
            yield f"label {name!r}: expected snake_case, and none of {sorted(_RESERVED)}"
    if any(len(values) != len(names) for values in metric.preinitialised):
        yield f"preinitialised label sets must have {len(names)} values each"
    yield from _bucket_problems(metric)
    yield from _limit_problems(metric)


def _bucket_problems(metric: Metric) -> Iterator[str]:
    if (metric.kind == "histogram") != bool(metric.buckets):
        yield "a histogram has buckets, and nothing else has"
    # An int bound would be written le="1" where every client writes le="1.0".
    if not all(isinstance(bound, float) and math.isfinite(bound) for bound in metric.buckets):
        yield f"buckets {metric.buckets}: expected finite floats"
    elif list(metric.buckets) != sorted(set(metric.buckets)):
        yield f"buckets {metric.buckets}: expected rising bounds"


def _limit_problems(metric: Metric) -> Iterator[str]:
    # Half of it is for preinitialised sets; folded ones take at most half of the other half.
    least = max(2 * len(metric.preinitialised), 4 * metric.closed_sets)
    if metric.at_most and not metric.is_open:
        yield f"at_most {metric.at_most}: every label has a list of values, which is its limit"
    elif metric.is_open and metric.cardinality_limit < least:
        limit = metric.cardinality_limit
        yield f"at_most {limit}: expected {least} or more, for preinitialised label sets and what is folded"
