"""Every documented setting with a wrong value: the start ends with one line, or the page says otherwise."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers import ROOT, free_port

from app import serving
from app.cli import main
from app.llm.settings import LLMSettings
from app.settings import AppSettings
from scripts.stack import private
from scripts.stack.errors import StackError
from scripts.stack.settings import StackSettings
from scripts.stack.settings import variables as stack_variables
from scripts.stack.stack import Stack
from telemetry import access
from telemetry.push.target import variables as telemetry_variables
from telemetry.settings import SettingsError

NO_PEM = str(ROOT / "pyproject.toml")
WRONG = {
    "OTEL_METRICS_EXPORTER": "promethus",
    "OTEL_METRIC_EXPORT_INTERVAL": "10s",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    "OTEL_TRACES_EXPORTER": "jaeger",
    "OTEL_METRICS_EXEMPLAR_FILTER": "sometimes",
    "REVIEWLENS_HTTP_SERVER_METRICS": "maybe",
    "TELEMETRY_STRICT": "maybe",
    "TELEMETRY_METRICS_PATH": "metrics",
    "TELEMETRY_PROMETHEUS_CLIENT": "maybe",
    "TELEMETRY_STATE_DIR": "/dev/null/state",
    "TELEMETRY_METRICS_TOKEN_FILE": "/dev/null/token",
    "OTEL_EXPORTER_PROMETHEUS_HOST": "192.0.2.1",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization: Basic secret0123",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "10s",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": NO_PEM,
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": NO_PEM,
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": NO_PEM,
    "OTEL_RESOURCE_ATTRIBUTES": "secret0123",
    "REVIEWLENS_HOST": "192.0.2.1",
    "REVIEWLENS_PORT": "65536",
    "PORT": "65536",
    "WEB_CONCURRENCY": "0",
    "REVIEWLENS_STATE_DIR": "/dev/null/state",
    "REVIEWLENS_SESSION_STORE": "redis://:secret0123/x@host",
    "REVIEWLENS_SESSION_TIMEOUT": "0",
    "REVIEWLENS_MAX_SESSIONS": "1e3",
    "REVIEWLENS_SESSIONS_PER_MINUTE": "-1",
    "REVIEWLENS_SAMPLES": "maybe",
    "REVIEWLENS_CORS_ORIGINS": "shop.example",
    "REVIEWLENS_LOG_FORMAT": "xml",
    "REVIEWLENS_LOG_LEVEL": "TRACE",
    "REVIEWLENS_LLM_PROVIDERS": "gemini,mistral",
    "REVIEWLENS_LLM_DEADLINE": "inf",
    "REVIEWLENS_LLM_SIMULATOR_URL": "localhost:8090",
    "REVIEWLENS_LLM_GEMINI_BASE_URL": "https://user:secret0123@",
    "REVIEWLENS_LLM_GEMINI_TIMEOUT": "nan",
    "GEMINI_API_KEY": "secret0123\nsecret0123",
    "REVIEWLENS_LLM_OPENAI_BASE_URL": "openai.example",
    "REVIEWLENS_LLM_OPENAI_TIMEOUT": "0",
    "OPENAI_API_KEY": "secret0123\u00e9",
    "REVIEWLENS_LLM_CLAUDE_BASE_URL": "ftp://claude.example",
    "REVIEWLENS_LLM_CLAUDE_TIMEOUT": "ten",
    "ANTHROPIC_API_KEY": "secret0123 secret0123",
}
ANY = {
    "OTEL_SERVICE_NAME",
    "REVIEWLENS_LLM_GEMINI_MODEL",
    "REVIEWLENS_LLM_OPENAI_MODEL",
    "REVIEWLENS_LLM_CLAUDE_MODEL",
}
"""Names of the user's or the provider's own: no value is wrong here."""
WARNED = {"OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_INSECURE"}
"""Flags for which OTel asks that they count as false, with a warning."""
OF_ITS_PLACE = {
    "PORT",
    "WEB_CONCURRENCY",
    "REVIEWLENS_HOST",
    "REVIEWLENS_STATE_DIR",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
}
"""The stack has its own of these, or they are wrong only where the service starts."""
STACK = {name: "eighty" for name in stack_variables() if name.endswith("_PORT")} | {
    "REVIEWLENS_MODE": "push",
    "REVIEWLENS_RUN_DIR": "x" * 100,
    "REVIEWLENS_RETENTION_TIME": "15 days",
    "REVIEWLENS_RETENTION_SIZE": "10 GB",
    "REVIEWLENS_TRACE_URL": "jaeger:16686",
    "REVIEWLENS_DOWNLOAD_BASE": "mirror.example",
    "REVIEWLENS_DATA_DIR": "/dev/null/data",
}


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What `reviewlens serve` would serve with; nothing is served. All signals are pushed."""
    served: list[object] = []
    root = logging.getLogger()
    before, handlers, level = dict(os.environ), root.handlers[:], root.level
    for name in (*WRONG, *ANY, *WARNED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REVIEWLENS_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("REVIEWLENS_SAMPLES", "false")
    monkeypatch.setenv("REVIEWLENS_PORT", str(free_port()))
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus,otlp")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setattr(sys, "argv", ["reviewlens", "serve"])
    monkeypatch.setattr(serving, "run", lambda *given: served.append(given))
    yield served
    root.handlers[:], root.level = handlers, level
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def test_every_documented_setting_is_here() -> None:
    """A new one needs a row."""
    documented = {*telemetry_variables(), *AppSettings.variables(), *LLMSettings.variables()}
    assert documented - WRONG.keys() == ANY | WARNED
    assert stack_variables().keys() == STACK.keys()


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.server
def test_a_wrong_value_ends_the_start_with_one_line(
    name: str, started: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the key, the value unless that is secret, and what was expected."""
    if name == "PORT":
        monkeypatch.delenv("REVIEWLENS_PORT")
    monkeypatch.setenv(name, WRONG[name])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, started) == (2, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{name}=" in line or (name == "REVIEWLENS_STATE_DIR" and name in line)
    assert "expected" in line or "cannot be used" in line
    assert WRONG[name] in line or "secret0123" in WRONG[name]
    assert "secret0123" not in line


@pytest.mark.parametrize("name", [name for name in WRONG if name not in OF_ITS_PLACE])
@pytest.mark.server
def test_make_up_says_the_same_before_it_starts_anything(
    name: str, started: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one of its programs is looked for."""
    monkeypatch.setenv("REVIEWLENS_RUN_DIR", str(tmp_path))
    monkeypatch.setattr(Stack, "_obtain", lambda _: pytest.fail("a program was looked for"))
    stack = Stack(StackSettings.from_env(), print)
    monkeypatch.setenv(name, WRONG[name])
    monkeypatch.setattr(stack.supervisor, "running", lambda: True)
    with pytest.raises(StackError) as error:
        stack.up()
    assert str(error.value).startswith(f"{name}=")
    assert "expected" in str(error.value)
    assert "secret0123" not in str(error.value)


@pytest.mark.parametrize("name", sorted(WARNED))
@pytest.mark.server
def test_a_flag_of_opentelemetry_is_false_with_a_warning(
    name: str, started: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its specification asks; the page says so."""
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(SystemExit):
        main()
    assert len(started) == 1
    assert f"{name}='maybe': expected true or false; taken as false" in capsys.readouterr().err
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert f"`{name}`" in page.partition("<!-- generated")[0]


@pytest.mark.parametrize("name", STACK)
def test_a_wrong_value_ends_make_up_with_one_line(name: str) -> None:
    """Before anything is fetched or started."""
    with pytest.raises(StackError) as error:
        private.folder(StackSettings.from_env({"REVIEWLENS_MODE": "otlp", name: STACK[name]}).data_dir)
    (line,) = str(error.value).splitlines()
    assert name in line
    assert STACK[name] in line or len(STACK[name]) > 92
    assert "expected" in line or "cannot be written" in line or "too long" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "x"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999"),
    ],
)
def test_limits_of_spans_that_the_sdk_refuses(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own words, and which variables are meant."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"^OTEL_BSP_\*, OTEL_SPAN_\*.*must be"):
        access.usable({**os.environ, "OTEL_TRACES_EXPORTER": "console"})
