"""Our metrics as text, straight from their numbers: what the SDK and its exporter would say, to the letter.

Everything of a line but its number is made once, when its series is first seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import utils

from telemetry.scrape.pauses import Pauses
from telemetry.scrape.sums_of_cells import Series
from telemetry.store.exemplars import Exemplar
from telemetry.store.key import InstrumentKey, attributes_of

EXPONENT_FROM = 1e6
"""From here on numbers are written with an exponent, as Go writes them."""
AT_ONCE = 32
"""Series that are written without a rest."""
UNITS = {"s": "seconds", "By": "bytes"}

_go: Callable[[float], str] = utils.floatToGoString
Found = Mapping[int, Sequence[Exemplar | None]]
"""Exemplars by bucket, by where the series begins."""


class Head(NamedTuple):
    """What stands before the series of one metric."""

    plain: str
    openmetrics: str


class Text:
    """The lines of every series, by metric, in the order in which they came."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._families: dict[str, tuple[Head, list[tuple[Series, str]]]] = {}
        self._seen = 0
        self._pauses = Pauses(AT_ONCE, sleep)

    def render(
        self, all_series: Sequence[Series], sums: Sequence[float], exemplars: Found | None
    ) -> list[bytes]:
        """All of it in pieces: text 0.0.4, or, where exemplars are given, OpenMetrics without its end."""
        for series in all_series[self._seen :]:
            self._add(series)
            self._pauses.after()
        self._seen = len(all_series)
        pieces: list[bytes] = []
        lines: list[str] = []
        for head, family in self._families.values():
            lines.append(head.plain if exemplars is None else head.openmetrics)
            for series, template in family:
                lines.append(_lines(series, template, sums, exemplars))
                if self._pauses.after():
                    pieces.append(_encoded(lines))
                    lines = []
        return [*pieces, _encoded(lines)]

    def _add(self, series: Series) -> None:
        what = series.what
        _, family = self._families.setdefault(what.name, (_head(what), []))
        family.append((series, _template(what, attributes_of(series.attributes))))


def _encoded(lines: Sequence[str]) -> bytes:
    return "".join(lines).encode(errors="replace")


def _lines(series: Series, template: str, sums: Sequence[float], exemplars: Found | None) -> str:
    what, start = series.what, series.start
    if what.bounds is None:
        text = template % _shown(sums[start])
    else:
        end = start + len(what.bounds) + 1
        counts, total = list(accumulate(sums[start:end])), sums[end]
        if counts[-1] < EXPONENT_FROM and total < EXPONENT_FROM:
            text = template % (*counts, counts[-1], total)
        else:
            text = template % tuple(map(_go, (*counts, counts[-1], total)))
    found = exemplars.get(start) if exemplars else None
    return _with_exemplars(text, found) if found else text


def _shown(value: float) -> str:
    return str(value) if value < EXPONENT_FROM else _go(value)


def _with_exemplars(text: str, found: Iterable[Exemplar | None]) -> str:
    lines = text.split("\n")
    for at, exemplar in enumerate(found):
        if exemplar:
            ids = ",".join(f'{name}="{value}"' for name, value in exemplar.labels.items())
            lines[at] += f" # {{{ids}}} {_go(exemplar.value)} {exemplar.seconds:.3f}"
    return "\n".join(lines)


def kind(what: InstrumentKey) -> str:
    """The type of a metric."""
    return "counter" if what.bounds is None else "histogram"


def family(what: InstrumentKey) -> str:
    """The name of a metric's family in OpenMetrics."""
    return what.name.removesuffix("_total") if what.bounds is None else what.name


def _head(what: InstrumentKey) -> Head:
    words = what.description.replace("\\", "\\\\").replace("\n", "\\n")
    name, unit = family(what), UNITS.get(what.unit)
    openmetrics = f"# HELP {name} {_escaped(what.description)}\n# TYPE {name} {kind(what)}\n"
    return Head(
        f"# HELP {what.name} {words}\n# TYPE {what.name} {kind(what)}\n",
        openmetrics + (f"# UNIT {name} {unit}\n" if unit else ""),
    )


def _template(what: InstrumentKey, attributes: Mapping[str, object]) -> str:
    """The series' lines with %s for each number."""
    labels = {name: str(value) for name, value in attributes.items()}
    if what.bounds is None:
        return _line(what.name, labels)
    bounds = [*map(str, what.bounds), "+Inf"]
    buckets = [_line(f"{what.name}_bucket", {**labels, "le": bound}) for bound in bounds]
    return "".join([*buckets, _line(f"{what.name}_count", labels), _line(f"{what.name}_sum", labels)])


def _line(name: str, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels.items()))
    return (f"{name}{{{pairs}}} " if pairs else f"{name} ").replace("%", "%%") + "%s\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
