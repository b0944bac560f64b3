"""The command: what it prints, and how it says no."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers import free_port

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


@pytest.mark.parametrize(
    "words",
    [[], ["serve"], ["ingest"], ["demo"], ["doctor"], ["llm-simulator"], ["samples"], ["metrics"]],
    ids=" ".join,
)
def test_no_help_is_cut(words: list[str]) -> None:
    """A variable's name that is cut cannot be copied: eighty columns hold them all."""
    shown = reviewlens(*words, "--help", COLUMNS="80").stdout
    assert "Usage: reviewlens" in shown
    assert [line for line in shown.splitlines() if "…" in line] == []


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


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (["--port=PORT"], {}, "--port=PORT: cannot listen on 127.0.0.1:PORT (Address already in use)"),
        ([], {"REVIEWLENS_PORT": "PORT"}, "REVIEWLENS_PORT=PORT: cannot listen on 127.0.0.1:PORT (Address"),
        ([], {"PORT": "PORT"}, "PORT=PORT: cannot listen on 127.0.0.1:PORT (Address already in use)"),
        (["--host=192.0.2.1", "--port=0"], {}, "--host=192.0.2.1: cannot listen on 192.0.2.1:0 (Cannot"),
        (["--port=0"], {"REVIEWLENS_HOST": "a..b"}, "REVIEWLENS_HOST=a..b: cannot listen on a..b:0 ("),
    ],
    ids=["--port", "REVIEWLENS_PORT", "PORT", "a foreign address", "no name"],
)
def test_an_address_that_cannot_be_had_is_one_line(
    tmp_path: Path, taken: str, workers: str, given: list[str], environ: dict[str, str], expected: str
) -> None:
    """By the option or variable that it comes from; nothing is started or written."""
    words = [word.replace("PORT", taken) for word in given]
    environ = {key: value.replace("PORT", taken) for key, value in environ.items()}
    state = {"REVIEWLENS_STATE_DIR": str(tmp_path / "state")}
    shown = reviewlens("serve", "--workers", workers, *words, **environ, **state)
    assert shown.returncode == 2
    (line,) = shown.stderr.splitlines()
    key, _, rest = expected.partition("=")
    assert line.startswith(f"reviewlens: {key}={rest.replace('PORT', taken)}"), line
    assert line.endswith("; expected a free port, and an address of this machine")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104 - it does not start
def test_the_metrics_port_is_another_than_the_services(tmp_path: Path, host: str, workers: str) -> None:
    """Else whichever came first would have it, and the other find it taken."""
    port = str(free_port())
    environ = {
        "REVIEWLENS_STATE_DIR": str(tmp_path / "state"),
        "OTEL_EXPORTER_PROMETHEUS_PORT": port,
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
    }
    shown = reviewlens("serve", "--host", host, "--port", port, "--workers", workers, **environ)
    assert shown.returncode == 2
    assert shown.stderr == (
        f"reviewlens: OTEL_EXPORTER_PROMETHEUS_PORT={port}: the service itself listens on {host}:{port}; "
        "expected another port, or none, for the metrics\n"
    )


def test_a_wrong_setting_under_uvicorn_is_one_line_too(tmp_path: Path) -> None:
    """As `make up` and containers start it."""
    environ = {**os.environ, "REVIEWLENS_STATE_DIR": str(tmp_path), "REVIEWLENS_LOG_FORMAT": "xml"}
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert shown.returncode == 2
    assert shown.stderr == "reviewlens: REVIEWLENS_LOG_FORMAT='xml': expected text or json\n"


def test_look_has_this_project_s_boards_and_ports() -> None:
    """The options are those of `telemetry look`; the environment's ports are its defaults."""
    ports = {"REVIEWLENS_LOOK_PORT": "3777", "REVIEWLENS_PROMETHEUS_PORT": "9777", "COLUMNS": "200"}
    shown = reviewlens("look", "--help", **ports).stdout
    for default in ("3777", "http://127.0.0.1:9777", "monitoring/grafana/dashboards", "monitoring/runbooks"):
        assert f"{default})" in shown
    assert shown.startswith("usage: reviewlens look ")


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        (
            [],
            {"REVIEWLENS_LOOK_PORT": "0"},
            "reviewlens: REVIEWLENS_LOOK_PORT='0': expected a port, a whole number",
        ),
        (
            ["--dashboards", "/missing"],
            {},
            "reviewlens look: --dashboards='/missing': there is no such folder;",
        ),
        (
            ["--host", "192.0.2.1"],
            {},
            "reviewlens look: --host=192.0.2.1: others could reach it, and the page",
        ),
    ],
)
def test_look_says_no_in_one_line(words: list[str], environ: dict[str, str], expected: str) -> None:
    """With the variable or the option, and exit code 2."""
    done = reviewlens("look", *words, **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1
