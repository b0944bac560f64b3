"""Somebody's instrument that would export under a name of ours: it goes nowhere, and a line says so.

Two families of one name on a page: Prometheus keeps the first of each pair of samples, and which that is
depends on the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.view import DropAggregation, View

from telemetry.record.schema import Metric
from telemetry.scrape.families import names
from telemetry.scrape.text import UNITS
from telemetry.words import say_once

_ODD = re.compile(r"[^a-zA-Z0-9:]+")
_ANNOTATION = re.compile(r"{.*}")
_NOBODY = "telemetry.sdk.clashes: no meter has this name"


class ClashView(View):
    """Drops the instruments of other meters whose names are taken. A view sees each instrument when it is
    first used, whatever reader asks, so that they come out on no path."""

    def __init__(self, meter_name: str, metrics: Iterable[Metric]) -> None:
        # A criterion that nothing fits, should a later SDK not ask _match(): then nothing is dropped.
        super().__init__(meter_name=_NOBODY, aggregation=DropAggregation())
        self._ours = meter_name
        self._taken = frozenset().union(*map(taken_by, metrics))

    def _match(self, instrument: Any) -> bool:
        scope = instrument.instrumentation_scope.name
        if scope == self._ours:
            return False
        shared = exported_names(instrument) & self._taken
        if shared:
            say_once(
                "instrument %r of meter %r exports as %s, a name that is taken here: "
                "it is exported nowhere; rename it",
                instrument.name,
                scope,
                max(shared),
            )
        return bool(shared)


def taken_by(metric: Metric) -> frozenset[str]:
    """The names that a metric of the catalogue is exported under."""
    name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return names(name, metric.kind)


def exported_names(instrument: Any) -> frozenset[str]:
    """As the Prometheus exporter names an instrument."""
    kind = "gauge"
    if isinstance(instrument, (Counter, ObservableCounter)):
        kind = "counter"
    elif isinstance(instrument, Histogram):
        kind = "histogram"
    name = _ODD.sub("_", re.sub(r"^\d", "_", instrument.name))
    name = name.removesuffix("_total") if kind == "counter" else name
    unit = _unit(instrument.unit or "")
    return names(name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}", kind)


def _unit(unit: str) -> str:
    """The suffix that a unit becomes, as far as ours have any."""
    unit = _ANNOTATION.sub("", unit)
    return "" if unit == "1" else UNITS.get(unit, _ODD.sub("_", unit).strip("_"))
