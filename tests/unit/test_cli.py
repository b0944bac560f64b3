"""The command: what it prints, and how it says no."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.settings import AppSettings
from telemetry.catalog import CATALOG

PROGRAM = Path(sys.executable).with_name("reviewlens")


def reviewlens(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_command_it_teaches() -> None:
    """The help names every command."""
    shown = reviewlens()
    for command in ("serve", "ingest", "demo", "llm-simulator", "metrics", "version"):
        assert command in shown.stdout + shown.stderr


def test_version() -> None:
    """The version of the package."""
    assert reviewlens("version").stdout.strip() == __version__


def test_metrics_prints_the_whole_catalogue() -> None:
    """Every name, however narrow the terminal."""
    shown = reviewlens("metrics").stdout
    assert [metric.name for metric in CATALOG if metric.name not in shown] == []


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    """Nobody is served by accident."""
    assert AppSettings.model_fields["host"].default == "127.0.0.1"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("REVIEWLENS_PORT", "eighty", "expected a whole number (port to listen on)"),
        ("PORT", "eighty", "expected a port to listen on"),
        ("REVIEWLENS_SESSION_TIMEOUT", "-1", "expected more than 0 (seconds without an answer"),
        ("REVIEWLENS_SESSION_TIMEOUT", "1e30", "expected 1000000000 or less"),
        ("REVIEWLENS_MAX_SESSIONS", "9223372036854775808", "expected 1000000000 or less"),
        ("REVIEWLENS_LOG_FORMAT", "xml", "expected text or json"),
        ("REVIEWLENS_LLM_PROVIDERS", "gemini,mistral", "expected some of gemini, openai, claude"),
        ("OTEL_METRICS_EXPORTER", "promethus", "prometheus, otlp, prometheus,otlp or none"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, variable: str, value: str, expected: str) -> None:
    """Key, value and expectation, exit code 2, and no traceback."""
    environ = {"REVIEWLENS_STATE_DIR": str(tmp_path), variable: value}
    shown = reviewlens("serve", "--port", "0", **environ)
    assert shown.returncode == 2
    for part in (variable, repr(value), expected):
        assert part in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("REVIEWLENS_STATE_DIR", "/dev/null/state", "the store /dev/null/state/reviewlens.db cannot be used"),
        ("OTEL_METRICS_EXPORTER", "promethus", "prometheus, otlp, prometheus,otlp or none"),
        ("REVIEWLENS_LLM_PROVIDERS", "gemini,mistral", "expected some of gemini, openai, claude"),
    ],
)
def test_what_every_worker_would_end_at_is_told_once(
    tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    """And no worker is started, again and again."""
    environ = {"REVIEWLENS_STATE_DIR": str(tmp_path), variable: value}
    shown = reviewlens("serve", "--port", "0", "--workers", "2", **environ)
    assert shown.returncode == 2
    assert expected in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_a_wrong_setting_under_uvicorn_is_one_line_too(tmp_path: Path) -> None:
    """As `make up` and containers start it."""
    environ = {**os.environ, "REVIEWLENS_STATE_DIR": str(tmp_path), "REVIEWLENS_LOG_FORMAT": "xml"}
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert shown.returncode == 2
    assert shown.stderr == "reviewlens: REVIEWLENS_LOG_FORMAT='xml': expected text or json\n"
