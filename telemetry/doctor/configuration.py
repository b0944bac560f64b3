"""Checks of the environment alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from telemetry import nearnames
from telemetry.doctor.authorization import MEND, problems, unreadable
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.subject import Subject, key_of
from telemetry.push.target import ENDPOINT, PREFIX, variables
from telemetry.sdk.resource import resource
from telemetry.settings import Settings, SettingsError, lower

TEMPORALITY = PREFIX + "METRICS_TEMPORALITY_PREFERENCE"
HEADERS = PREFIX + "HEADERS"
HISTOGRAMS = PREFIX + "METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES"


def settings(subject: Subject) -> Iterator[Finding]:
    """Every variable that cannot be used, each with its default as the mend."""
    for error in subject.errors:
        yield _unusable(subject.environ, error)
    if not subject.errors:
        yield passed(_in_words(subject.settings))


def misspelt(subject: Subject) -> Iterator[Finding]:
    """Names that nothing reads, where one that is read is near."""
    for name, nearest in nearnames.misspelt(subject.environ).items():
        yield found("setting.unknown", name, f"rename it: {nearest}")


def _unusable(environ: Mapping[str, str], error: SettingsError) -> Finding:
    key = key_of(error)
    if key == TEMPORALITY and lower(environ[key]) in {"delta", "lowmemory"}:
        return found("temporality", f"{key}={environ[key]}", f"{key}=cumulative")
    if key.endswith("_HEADERS"):
        return found("headers", f"{key}: {unreadable(environ[key])}", f"{key}={MEND}")
    general = key.replace("OTLP_METRICS_", "OTLP_").replace("OTLP_TRACES_", "OTLP_")
    expected, default = variables().get(key) or variables().get(general) or ("", "")
    default = ",".join(default) if isinstance(default, tuple) else default
    return found("setting", str(error), f"{key}={default}" if default else f"unset {key}, or give {expected}")


def _in_words(settings: Settings) -> str:
    if settings.sdk_disabled:
        return "settings: telemetry is switched off by OTEL_SDK_DISABLED=true"
    metrics = " and ".join(
        {"prometheus": "scraped from /metrics", "otlp": "pushed by OTLP"}[name]
        for name in settings.metrics_exporters
    )
    return (
        f"settings: {settings.service_name}; metrics are {metrics or 'not exported'}; "
        f"traces: {settings.traces_exporter}"
    )


def authorization(subject: Subject) -> Iterator[Finding]:
    """Credentials that no backend could take."""
    for signal, to in subject.targets.items():
        key = subject.names(HEADERS, signal)
        for problem in problems(to.headers):
            yield found("authorization", f"the authorization in {key}: {problem}", f"{key}={MEND}")


def exponential(subject: Subject) -> Iterator[Finding]:
    """Other people's histograms without buckets."""
    value = subject.environ.get(HISTOGRAMS, "")
    if subject.settings.otlp and value.strip().lower() == "base2_exponential_bucket_histogram":
        yield found("exponential", f"{HISTOGRAMS}={value}", f"{HISTOGRAMS}=explicit_bucket_histogram")


def pushing(subject: Subject) -> Iterator[Finding]:
    """An endpoint that gets nothing, and a timeout that is longer than the interval."""
    endpoints = [key for key in (ENDPOINT, PREFIX + "METRICS_ENDPOINT") if subject.environ.get(key)]
    if endpoints and not subject.settings.pushed and not subject.settings.sdk_disabled:
        exporters = ",".join(subject.settings.metrics_exporters) or "none"
        yield found(
            "nothing-pushed",
            f"{endpoints[0]} is set, and OTEL_METRICS_EXPORTER={exporters}",
            "OTEL_METRICS_EXPORTER=otlp",
            f"unset {endpoints[0]}, where nothing is to be pushed",
        )
    interval = subject.settings.metric_export_interval_ms / 1000
    to = subject.targets.get("metrics")
    if to and to.timeout > max(interval, 10):
        key = subject.names(PREFIX + "TIMEOUT", "metrics")
        yield found(
            "timeout", f"{key}={to.timeout:g} s, an interval of {interval:g} s", f"{key}={interval:g}"
        )


def identity(subject: Subject) -> Iterator[Finding]:
    """Who the numbers are said to be from."""
    try:
        resource(subject.settings, subject.environ)
    except SettingsError as error:
        yield found("setting", str(error), f"{ATTRIBUTES}=deployment.environment.name=production")
        return
    given = subject.environ.get(ATTRIBUTES, "")
    if "service.instance.id=" in given and subject.settings.otlp:
        yield found(
            "instance.shared",
            f"{ATTRIBUTES} has service.instance.id",
            f"take service.instance.id out of {ATTRIBUTES}: each process then names itself",
        )
    if "service.namespace=" in given and subject.settings.otlp:
        yield found(
            "namespace",
            f"{ATTRIBUTES} has service.namespace: what is pushed gets job=NAMESPACE/NAME",
            f"take service.namespace out of {ATTRIBUTES}, or name the scrape's job_name NAMESPACE/NAME",
        )
