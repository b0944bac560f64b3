"""`reviewlens doctor` as a user and a script run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.otlp_sink import otlp_sink

from telemetry.doctor.verdicts import VERDICTS

PROGRAM = Path(sys.executable).with_name("reviewlens")
DELTA = {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
}


def doctor(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it with these variables and none of this shell's."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "REVIEWLENS_"))}
    return subprocess.run(
        [PROGRAM, "doctor", *arguments],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_good_settings_are_few_words_and_0() -> None:
    """A line for each thing that was looked at."""
    shown = doctor()
    assert (shown.returncode, shown.stderr) == (0, "")
    settings, size, _, count = shown.stdout.splitlines()
    assert settings.startswith("ok    settings: reviewlens-api; ")
    assert size.startswith("ok    about ")
    assert count == "no faults, no warnings"


def test_a_fault_is_a_block_with_its_mend_and_1() -> None:
    """Found, what it leads to, the line to copy: unbroken, however narrow the terminal."""
    shown = doctor("--offline", **DELTA, COLUMNS="40")
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[:3] == [
        "FAULT temporality: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
        f"      leads to: {VERDICTS['temporality'].leads_to}",
        "      mend: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative",
    ]
    assert shown.stdout.splitlines()[-1] == "1 fault, no warnings"


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--strict",), 1)])
def test_a_warning_fails_only_under_strict(arguments: tuple[str, ...], code: int) -> None:
    """A namespace may be meant."""
    environ = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop"}
    shown = doctor("--offline", *arguments, **environ)
    assert shown.returncode == code
    assert "WARN  namespace: " in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scrape-interval", "fast"),
        ("--values", "colour=3"),
        ("--values", "category=many"),
        ("--max-series", "0"),
        ("--nonsense",),
    ],
)
def test_wrong_arguments_are_2(arguments: tuple[str, ...]) -> None:
    """One box that names the argument; no traceback."""
    shown = doctor(*arguments)
    assert shown.returncode == 2
    assert arguments[0] in shown.stderr
    assert "Traceback" not in shown.stderr


def test_json_is_the_same_findings_for_scripts() -> None:
    """Stable keys; all of standard output is the document."""
    shown = doctor("--json", "--offline", **DELTA)
    told = json.loads(shown.stdout)
    assert shown.returncode == 1
    assert {key: told[key] for key in ("schema", "status", "faults", "warnings")} == {
        "schema": 1,
        "status": "fault",
        "faults": 1,
        "warnings": 0,
    }
    assert told["findings"][0] == {
        "id": "temporality",
        "severity": "fault",
        "found": "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
        "leads_to": VERDICTS["temporality"].leads_to,
        "mend": ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"],
    }


def test_the_services_own_settings_are_checked_too() -> None:
    """Every wrong one, of the service and of its LLM part; the service would not start."""
    shown = doctor("--offline", REVIEWLENS_PORT="eighty", REVIEWLENS_LLM_PROVIDERS="gemini,mistral")
    assert shown.returncode == 1
    assert "FAULT setting: REVIEWLENS_PORT='eighty'" in shown.stdout
    assert "FAULT setting: REVIEWLENS_LLM_PROVIDERS=" in shown.stdout


def test_a_push_is_tried_with_the_services_variables() -> None:
    """An empty one arrives; a secret in a header is printed in no form."""
    with otlp_sink() as sink:
        environ = {
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20Z2xjX3NlY3JldA==",
        }
        shown = doctor(**environ)
        (request,) = sink.requests
    assert request.ByteSize() == 0
    assert f"ok    metrics arrive at {sink.url}/v1/metrics by http/protobuf" in shown.stdout
    assert shown.returncode == 1, "the header has no colon in it"
    for secret in ("Z2xjX3NlY3JldA", "glc_secret"):
        assert secret not in shown.stdout + shown.stderr


def test_grpc_says_nothing_of_its_own() -> None:
    """Its library logs failed handshakes to standard error, among the findings."""
    with otlp_sink() as sink:
        shown = doctor(
            OTEL_METRICS_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url.replace("http:", "https:"),
        )
    assert (shown.returncode, shown.stderr) == (1, "")
    assert "FAULT tls.unwanted: " in shown.stdout


def test_help_teaches_with_examples() -> None:
    """Exit codes, and what to type."""
    shown = doctor("--help").stdout
    for words in (
        "Exit codes: 0 no fault; 1 a fault",
        "OTEL_METRICS_EXPORTER=otlp reviewlens doctor",
        "--json",
    ):
        assert words in shown
