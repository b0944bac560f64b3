"""What the doctor says of an environment without contacting anybody."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.doctor import verdicts
from telemetry.doctor.answers import MENDS
from telemetry.doctor.authorization import described, problems, unreadable
from telemetry.doctor.checks import examine
from telemetry.doctor.finding import PASSED, Finding, found, passed, report
from telemetry.doctor.subject import Subject
from telemetry.doctor.verdicts import VERDICTS
from telemetry.push.target import target

TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
HISTOGRAMS = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
PUSH = {"OTEL_METRICS_EXPORTER": "otlp"}
SECRET = "glc_secret"


def findings(**environ: str) -> dict[str, Finding]:
    """The warnings and faults of an environment, by id."""
    told = examine(Subject(environ, offline=True)).findings
    return {finding.id: finding for finding in told if finding.id != PASSED}


def basic(text: str) -> str:
    """A header's value for `user:token`."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_no_settings_are_good_settings() -> None:
    """The defaults have neither fault nor warning, and say what happens."""
    told = examine(Subject({}, offline=True))
    assert told.healthy(strict=True)
    assert told.findings[0].found == (
        "settings: reviewlens-api; metrics are scraped from /metrics; traces: none"
    )


@pytest.mark.parametrize("value", ["delta", "LowMemory"])
def test_delta_and_lowmemory_are_faults(value: str) -> None:
    """The value that was given, and the line that mends it."""
    fault = findings(**PUSH, **{TEMPORALITY: value})["temporality"]
    assert fault.found == f"{TEMPORALITY}={value}"
    assert fault.mend == (f"{TEMPORALITY}=cumulative",)


def test_a_slip_in_the_temporality_is_not_taken_for_delta() -> None:
    """It is a value that cannot be used, as of any variable."""
    fault = findings(**PUSH, **{TEMPORALITY: "cumulativ"})["setting"]
    assert fault.mend == (f"{TEMPORALITY}=cumulative",)


def test_what_only_a_push_reads_is_no_fault_without_a_push() -> None:
    """Temporality and histograms of OTLP say nothing of a scrape."""
    wrong = {TEMPORALITY: "delta", HISTOGRAMS: "base2_exponential_bucket_histogram"}
    assert findings(**wrong) == {}
    assert findings(**PUSH, **wrong).keys() == {"temporality", "exponential"}


def test_every_wrong_variable_is_found_not_the_first_alone() -> None:
    """Two of the pipeline's, one of the exporter's, one of the resource's."""
    told = examine(
        Subject(
            {
                **PUSH,
                "OTEL_TRACES_EXPORTER": "jaeger",
                "OTEL_METRIC_EXPORT_INTERVAL": "10s",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "10000",
                "OTEL_RESOURCE_ATTRIBUTES": "service.version",
            },
            offline=True,
        )
    )
    mends = [finding.mend[0] for finding in told.findings if finding.id == "setting"]
    assert mends == [
        "OTEL_METRIC_EXPORT_INTERVAL=10000",
        "OTEL_TRACES_EXPORTER=none",
        "OTEL_EXPORTER_OTLP_TIMEOUT=10",
        "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=production",
    ]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (f"Authorization: Basic {SECRET}", "pair 1 of 1 is written name: value"),
        (f"x-scope=1,{SECRET}", "pair 2 of 2 has no ="),
        (f'Authorization="Basic {SECRET}"', "has quotation marks"),
        (f"Authorization=Basic {SECRET};", "percent-encoded"),
        (f"Authorization=Basic {SECRET}\nabc", "has a line break"),
    ],
)
def test_headers_that_cannot_be_read_are_explained_and_not_shown(headers: str, reason: str) -> None:
    """The place and the reason; never the value."""
    fault = findings(**PUSH, OTEL_EXPORTER_OTLP_HEADERS=headers)["headers"]
    assert reason in fault.found
    assert SECRET not in str(fault)
    assert reason in unreadable(headers)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("Basic%2520" + basic("1:t")[6:], "encoded twice"),
        ("Basic not/base64!", "not base64"),
        ("Basic 123:glc_token", "looks like user:token itself"),
        (basic("glc_token"), "without a colon"),
        (basic("123:"), "empty token"),
        (basic(":glc_token"), "empty user"),
        (basic("123:glc_token\n"), "line break"),
        (basic("123:glc_token")[6:], "without the word Basic"),
        ("glc_token", "one word"),
    ],
)
def test_credentials_that_no_backend_takes(value: str, problem: str) -> None:
    """Read as the exporter reads them, then explained, without being shown."""
    environ = {**PUSH, "OTEL_EXPORTER_OTLP_METRICS_HEADERS": f"Authorization={value}"}
    fault = findings(**environ)["authorization"]
    assert problem in fault.found
    assert "glc_token" not in str(fault)
    assert fault.mend[0].startswith("OTEL_EXPORTER_OTLP_METRICS_HEADERS=Authorization=Basic%20")
    assert problem in described(target("metrics", environ).headers)


@pytest.mark.parametrize(
    "value", [basic("123:glc_token"), "Basic%20" + basic("1:t")[6:], "Bearer eyJhbGciOi"]
)
def test_good_credentials_are_left_alone(value: str) -> None:
    """With a blank, with %20, and of another scheme."""
    assert findings(**PUSH, OTEL_EXPORTER_OTLP_HEADERS=f"Authorization={value}") == {}


def test_no_authorization_header_is_no_problem_of_its_own() -> None:
    """It is one only where a backend asks for it; then the other headers are named, without values."""
    assert list(problems([("x-scope", "1")])) == []
    assert described([("x-scope", "1")]) == "no authorization header is sent (only x-scope)"


@pytest.mark.parametrize(
    ("environ", "verdict", "mend"),
    [
        (
            {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318"},
            "endpoint.path",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c:4318/v1/metrics",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/v1/metrics"},
            "endpoint.doubled",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"},
            "endpoint.port",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "endpoint.port",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "endpoint.scheme",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317",
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=one"},
            "instance.shared",
            "take service.instance.id out of OTEL_RESOURCE_ATTRIBUTES: each process then names itself",
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop"},
            "namespace",
            "take service.namespace out of OTEL_RESOURCE_ATTRIBUTES, "
            "or name the scrape's job_name NAMESPACE/NAME",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TIMEOUT": "60"},
            "timeout",
            "OTEL_EXPORTER_OTLP_TIMEOUT=10",
        ),
        (
            {"OTEL_METRIC_EXPORT_INTERVAL": "60000"},
            "interval.assumed",
            "OTEL_METRIC_EXPORT_INTERVAL=10000",
        ),
    ],
)
def test_what_looks_wrong_is_a_warning_with_its_mend(
    environ: dict[str, str], verdict: str, mend: str
) -> None:
    """One thing wrong, one warning, and the whole line that mends it."""
    told = findings(**PUSH, **environ)
    assert list(told) == [verdict]
    assert told[verdict].severity == "warning"
    assert told[verdict].mend[0] == mend


def test_the_mend_mends() -> None:
    """Where the mend is a variable, setting it leaves nothing to say."""
    environ = {
        **PUSH,
        TEMPORALITY: "delta",
        HISTOGRAMS: "base2_exponential_bucket_histogram",
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/v1/metrics",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "zip",
    }
    told = findings(**environ)
    lines = dict(finding.mend[0].split("=", 1) for finding in told.values())
    assert len(lines) == len(told) == 5
    assert findings(**{**environ, **lines}) == {}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPONT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_METRICS_EXPORTERS", "OTEL_METRICS_EXPORTER"),
        ("OTEL_EXPORTER_OTLP_METRIC_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"),
    ],
)
def test_a_slip_in_a_name(name: str, nearest: str) -> None:
    """The nearest that is read; the value is not shown, it may be a secret."""
    (warning,) = findings(**{name: SECRET}).values()
    assert (warning.id, warning.found, warning.mend) == ("setting.unknown", name, (f"rename it: {nearest}",))


def test_names_that_others_read_are_left_alone() -> None:
    """The SDK's, instrumentations', agents of other languages."""
    others = ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "OTEL_JAVAAGENT_ENABLED")
    assert findings(**dict.fromkeys(others, "1")) == {}


def test_an_endpoint_to_which_nothing_is_pushed() -> None:
    """The default exporter scrapes; an endpoint alone changes nothing."""
    warning = findings(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318")["nothing-pushed"]
    assert warning.mend == (
        "OTEL_METRICS_EXPORTER=otlp",
        "unset OTEL_EXPORTER_OTLP_ENDPOINT, where nothing is to be pushed",
    )


def test_both_paths_are_a_warning_until_a_backend_was_looked_into() -> None:
    """Right for two backends, wrong for one."""
    assert list(findings(OTEL_METRICS_EXPORTER="prometheus,otlp")) == ["double.possible"]


@pytest.mark.parametrize(("interval", "healthy"), [(15.0, True), (10.0, False), (60.0, False)])
def test_a_told_scrape_interval_must_be_the_interval(interval: float, healthy: bool) -> None:
    """Told, a difference is a fault; the mend has the scrape's interval in milliseconds."""
    subject = Subject(
        {**PUSH, "OTEL_METRIC_EXPORT_INTERVAL": "15000"}, scrape_interval=interval, offline=True
    )
    told = examine(subject)
    assert told.healthy() is healthy
    lines = {finding.mend for finding in told.findings if finding.id == "interval"}
    assert lines == (set() if healthy else {(f"OTEL_METRIC_EXPORT_INTERVAL={interval * 1000:.0f}",)})
    assert examine(replace(subject, environ={})).healthy(strict=True), "nothing is pushed"


def test_a_report_counts_and_says_its_status() -> None:
    """The form for scripts; a warning fails only where it is asked to."""
    warning, fault = found("namespace", "a"), found("refused", "b", "c")
    told = report([passed("fine"), warning, warning])
    assert (told.healthy(), told.healthy(strict=True)) == (True, False)
    assert told.as_dict()["status"] == "warning"
    assert report([passed("fine")]).as_dict()["status"] == "ok"
    assert report([warning, fault]).as_dict() == {
        "schema": 1,
        "status": "fault",
        "faults": 1,
        "warnings": 1,
        "findings": [
            {
                "id": "namespace",
                "severity": "warning",
                "found": "a",
                "leads_to": VERDICTS["namespace"].leads_to,
                "mend": [],
            },
            {
                "id": "refused",
                "severity": "fault",
                "found": "b",
                "leads_to": VERDICTS["refused"].leads_to,
                "mend": ["c"],
            },
        ],
    }


def test_every_verdict_is_given_somewhere() -> None:
    """The table of the docs has no verdict that no check gives; each answer of a backend has its mend."""
    here = Path(verdicts.__file__).parent
    checks = "".join(path.read_text() for path in here.glob("*.py") if path.name != "verdicts.py")
    assert [name for name in VERDICTS if f'"{name}"' not in checks] == []
    assert {name for name in VERDICTS if name.startswith("answer")} == MENDS.keys()
