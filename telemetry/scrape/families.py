"""Families of other people's metrics on one page with ours: no name twice, no text that ends the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from telemetry.words import printable, say_once

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("_sum", "_count", "_created"),
    "info": ("_info",),
}
_Key = tuple[str, tuple[tuple[str, str], ...]]


def names(name: str, kind: str) -> frozenset[str]:
    """Every name that a family's lines begin with."""
    return frozenset({name, *(name + suffix for suffix in SUFFIXES.get(kind, ()))})


class Families:
    """What several registries hold, the first before the others. `taken`: names of families that are rendered
    elsewhere; `only`: the samples that are asked for, where not all are."""

    def __init__(
        self,
        registries: Iterable[Collector],
        taken: Collection[str],
        only: Collection[str] | None = None,
    ) -> None:
        self._registries = registries
        self._taken = set(taken)
        self._only = only
        self._found: dict[str, Family] = {}

    def collect(self) -> Iterable[Family]:
        """The families, each name once."""
        for registry in self._registries:
            for family in registry.collect():
                self._take(family)
        return [family for family in map(self._asked_for, self._found.values()) if family]

    def _take(self, given: Family) -> None:
        name = printable(given.name)
        there = self._found.get(name)
        if there is not None and there.type == given.type:
            there.samples.extend(_cleaned(name, given).samples)
        elif names(name, given.type) & self._taken:
            say_once("the %s %s is not shown: another metric has its name; rename it", given.type, name)
        else:
            self._taken |= names(name, given.type)
            self._found[name] = _cleaned(name, given)

    def _asked_for(self, family: Family) -> Family | None:
        """With one sample for each label set; those that are asked for."""
        family.samples = [*_once(family)]
        if self._only is None:
            return family
        family.samples = [sample for sample in family.samples if sample.name in self._only]
        return family if family.samples else None


def named(pieces: Iterable[bytes], only: Collection[str]) -> Iterator[bytes]:
    """The lines of rendered text whose samples are asked for, with what stands before them."""
    head: list[bytes] = []
    for line in b"".join(pieces).splitlines(keepends=True):
        if line.startswith(b"# "):
            head = [*head, line] if not line.startswith(b"# HELP ") else [line]
        elif line.partition(b" ")[0].partition(b"{")[0].decode() in only:
            yield from head
            yield line
            head = []


def _cleaned(name: str, family: Family) -> Family:
    """A copy with texts that every reader takes; samples without a number are left out."""
    clean = Family(name, printable(str(family.documentation)), family.type)
    clean.unit = family.unit
    for sample in family.samples:
        try:
            clean.samples.append(_clean(sample))
        except (TypeError, ValueError, OverflowError):
            say_once("%s has a value that is no number: %.100r; it is not shown", name, sample.value)
    if clean.samples != family.samples or (clean.name, clean.documentation) != (
        family.name,
        family.documentation,
    ):
        say_once("%s has text that no scraper takes, in a label, name or help: it is written out", name)
    return clean


def _clean(sample: Sample) -> Sample:
    labels = {printable(str(label)): printable(str(value)) for label, value in sample.labels.items()}
    return sample._replace(name=printable(sample.name), labels=labels, value=float(sample.value))


def _once(family: Family) -> Iterator[Sample]:
    """Counters that two meters share are added up; of other values the first stands."""
    found: dict[_Key, Sample] = {}
    for sample in family.samples:
        key = sample.name, tuple(sorted(sample.labels.items()))
        there = found.get(key)
        if there is None:
            found[key] = sample
        elif family.type == "counter" and sample.name.endswith("_total"):
            found[key] = there._replace(value=there.value + sample.value)
        else:
            say_once("%s has a label set twice; the first is shown", family.name)
    return iter(found.values())
