"""The end of a run: things come to rest, and everybody who counted is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from app.demo.compare import COMPARED, comparable
from app.demo.ledger import CountedSeries
from app.demo.scraped import summed
from soak.disturbances import COLLECTOR, ENDED, FULL, KILLED, Site, round_for
from soak.laws import Numbers
from soak.programs import DIRECT, PUSHED, SECONDS
from soak.watch import REQUESTS, RISING, Key, Page, Watch, page, requests, shown
from telemetry.catalog import BY_NAME, CATALOG
from telemetry.doctor.prometheus import Prometheus

PATIENCE_SECONDS = 20.0
STILL = 4
"""Pages in a row that are the same: nothing is under way any more."""
CLOSE = 1e-9
"""Sums of seconds are added up in another order by Prometheus than by a worker."""
SUFFIXES = {"counter": ("",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ()}
NAMES = [f"{metric.name}{suffix}" for metric in CATALOG for suffix in SUFFIXES[metric.kind]]


def settled(site: Site, watch: Watch, seconds: float) -> Numbers:
    """All the numbers, once traffic has ended. `seconds` is how long ago the run began."""
    url, crowd = site.programs.service.url, site.crowd
    final = _still(url)
    everything = page(url, (*RISING, "gauge"))
    pages = [page(url) for _ in site.programs.service.one_by_one()]
    prometheus = Prometheus(site.programs.prometheus.url)
    scraped = _until(lambda: _held(prometheus, DIRECT), final)
    pushed = _until(lambda: _held(prometheus, PUSHED), final)
    account, counts = crowd.account, comparable(_counts(final), time_outs_known=True)
    return Numbers(
        sent=account.sent,
        answered=account.answered,
        broken=tuple(account.broken),
        left=tuple(account.left),
        refused=account.refused,
        unexpected=account.unexpected,
        unavailable=tuple(account.unavailable),
        worst=account.worst,
        counted=requests(final),
        at_prometheus=requests(scraped),
        through_collector=requests(pushed),
        by_status=_by_status(counts),
        own=crowd.counts,
        by_series=Counter({one: counts[one] for one in {*counts, *crowd.counts}}),
        asked=len(pages),
        unlike=tuple(line for other in pages for line in differences(final, other, 0.0)),
        scrapes=watch.scrapes,
        unanswered=tuple(watch.unanswered),
        fell=tuple(watch.fell),
        outside=tuple(watch.outside),
        resets=_resets(prometheus, seconds),
        not_scraped=differences(final, scraped, 0.0),
        not_pushed=differences(final, pushed, CLOSE),
        label_sets=label_sets(everything),
        series=len(everything),
        memory=_memory(watch),
        faults={
            dict(labels)["error_type"]: int(value)
            for (name, labels), value in final.items()
            if name == "errors_total" and ("component", "telemetry") in labels
        },
        gone=tuple(watch.gone),
        ends=tuple(site.windows(KILLED, ENDED)),
        full=tuple(site.windows(FULL)),
        away=tuple(site.windows(COLLECTOR)),
        workers=site.programs.service.workers,
        disturbed={one.what: len(site.windows(one.what)) for one in round_for(site)},
    )


def differences(one: Mapping[Key, float], other: Mapping[Key, float], close: float) -> tuple[str, ...]:
    """The series that two do not agree on."""
    unlike = []
    for key in sorted({*one, *other}, key=shown):
        a, b = one.get(key), other.get(key)
        if a is None or b is None or abs(a - b) > close * max(abs(a), abs(b)):
            unlike.append(f"{shown(key)}: {a!r} and {b!r}")
    return tuple(unlike)


def label_sets(found: Page) -> dict[str, int]:
    """Label sets by metric."""
    sets: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for name, labels in found:
        metric = _metric(name)
        sets.setdefault(metric, set()).add(frozenset(pair for pair in labels if pair[0] != "le"))
    return {metric: len(which) for metric, which in sets.items()}


def _metric(sample: str) -> str:
    stem, _, suffix = sample.rpartition("_")
    return stem if suffix in ("bucket", "sum", "count") and stem in BY_NAME else sample


def _still(url: str) -> Page:
    """The page, once it stays as it is."""
    ends, seen, same = time.monotonic() + PATIENCE_SECONDS, page(url), 1
    while same < STILL and time.monotonic() < ends:
        time.sleep(0.3)
        now = page(url)
        same = same + 1 if requests(now) == requests(seen) else 1
        seen = now
    return seen


def _until(look: Callable[[], Page], wanted: Page) -> Page:
    """The page once it equals the wanted one, or when patience ends."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while differences(wanted, seen := look(), CLOSE) and time.monotonic() < ends:
        time.sleep(SECONDS / 2)
    return seen


def _held(prometheus: Prometheus, job: str) -> Page:
    """What Prometheus holds under a job, over all instances, by the labels of the catalogue."""
    found: dict[Key, float] = {}
    for labels, value in prometheus.query(f'{{__name__=~"{"|".join(NAMES)}", job="{job}"}}'):
        name = labels["__name__"]
        known = (*BY_NAME[_metric(name)].label_names, "le")
        key = (name, frozenset((label, labels[label]) for label in known if label in labels))
        found[key] = found.get(key, 0.0) + value
    return found


def _resets(prometheus: Prometheus, seconds: float) -> tuple[str, ...]:
    """One query per name: without names, series of two metrics would be one."""
    within = f'{{job=~"{DIRECT}|{PUSHED}"}}[{int(seconds) + 60}s]'
    return tuple(
        f"{shown((name, frozenset(labels.items())))} fell {value:.0f} times"
        for name in NAMES
        for labels, value in prometheus.query(f"resets({name}{within}) > 0")
    )


def _counts(found: Page) -> Counter[CountedSeries]:
    return summed((name, dict(labels), value) for (name, labels), value in found.items() if name in COMPARED)


def _by_status(counts: Mapping[CountedSeries, int]) -> dict[str, int]:
    by_status: Counter[str] = Counter()
    for one, number in counts.items():
        if one.name == REQUESTS:
            by_status[one.labels["status_code"]] += number
    return dict(by_status)


def _memory(watch: Watch) -> tuple[int, int]:
    """The largest worker in the second eighth of the run, to the end of its first quarter, and at the end."""
    seen = watch.memory
    if not seen:
        return 0, 0
    quarter = max(1, len(seen) // 4)
    return max(one.largest for one in seen[quarter // 2 : quarter]), max(
        one.largest for one in seen[-quarter:]
    )
