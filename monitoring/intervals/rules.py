"""What has to be longer than an interval: windows, `for:`, what a collector keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitoring.contract import catalogue_series
from monitoring.intervals.source import Intervals, read_intervals
from monitoring.queries import selectors
from monitoring.targets import Rule
from telemetry.doctor.durations import seconds

SCRAPES = 4  # in a window: a rate over fewer loses a whole window when one scrape is late
EVALUATIONS = 2  # in a `for:`: one would fire on a single look
EXPORTS = 2  # before a collector forgets: a late push is no gap
LOOKBACK = 300.0  # as long as Prometheus itself shows the last sample of a series that ended
EVALUATED = ("native", "docker")
_METRICS = {series.name: series.origin for series in catalogue_series()}


def carried_by(series: str) -> tuple[str, ...]:
    """The names of the intervals at which a series gets new samples, over all configs."""
    metric = _METRICS.get(series)
    if metric is None:  # recorded by a rule, Prometheus's own, or a collector's
        return EVALUATED
    if metric.startswith("ingest_"):
        return ("crawl_script",)
    # An import counts its errors too.
    return ("service", "crawl_script") if metric == "errors_total" else ("service",)


def window_faults(expr: str, intervals: Intervals) -> Iterator[str]:
    """Windows of an expression (its variables filled) that hold too few scrapes."""
    for selector in selectors(expr):
        name = max(carried_by(selector.metric), key=intervals.seconds)
        least = SCRAPES * intervals.seconds(name)
        if selector.window is not None and selector.window < least:
            yield (
                f"{selector.metric}[{selector.window:g}s]: expected {least:g}s or more, "
                f"{SCRAPES} times {name} ({intervals.every[name]})"
            )


def hold_faults(rule: Rule, intervals: Intervals) -> Iterator[str]:
    """Why an alert's `for:` does not go with how often rules are evaluated."""
    for name in EVALUATED:
        evaluations = seconds(rule.hold) / intervals.seconds(name)
        if evaluations < EVALUATIONS or not evaluations.is_integer():
            yield (
                f"{rule.name}: for: {rule.hold}: expected {EVALUATIONS} or more whole evaluations of "
                f"{intervals.every[name]} ({name})"
            )


def expiration_faults(config: Mapping[str, object], intervals: Intervals) -> Iterator[str]:
    """Why a collector's Prometheus exporters forget too soon or too late; `config` is the collector's."""
    exporters = config.get("exporters")
    for exporter, settings in exporters.items() if isinstance(exporters, dict) else ():
        if exporter.partition("/")[0] == "prometheus":
            given = str((settings or {}).get("metric_expiration", "5m"))
            if not EXPORTS * intervals.seconds("service") <= seconds(given) < LOOKBACK:
                yield (
                    f"exporters.{exporter}.metric_expiration: {given}: expected {EXPORTS} times service "
                    f"({intervals.every['service']}) or more, and less than {LOOKBACK:g}s"
                )


def grafana_macros(intervals: Intervals) -> dict[str, str]:
    """What Grafana puts in place of its macros at the least, given the data source's timeInterval."""
    said = [item for keys in intervals.said_in.values() for item in keys.items()]
    (step,) = {name for key, name in said if key.endswith(".timeInterval")}
    return {
        "__interval": intervals.every[step],
        "__rate_interval": f"{4 * intervals.seconds(step):g}s",
        "__range": "5m",  # the shortest that Grafana's menu offers
    }


MACROS: Mapping[str, str] = grafana_macros(read_intervals())
