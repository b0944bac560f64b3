"""A REVIEWLENS_* variable with a typing error is told; none that something reads is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import ROOT

from app.variables import known, unknown, warn_unknown
from scripts.stack.settings import variables as stack_variables
from telemetry.nearnames import misspelt

NAME = re.compile(r"\bREVIEWLENS_[A-Z_]*[A-Z]\b(?![_*])")
WHERE = (
    "README.md",
    "DESIGN.md",
    "Makefile",
    "docs/**/*.md",
    "scripts/**/*",
    "otel-collector/*",
    "monitoring/**/*.y*ml",
)


def test_a_typing_error_is_told_with_the_nearest_name(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each; what has no near name gets the page; other people's variables get nothing."""
    warn_unknown(
        {
            "REVIEWLENS_SESION_TIMEOUT": "secret",
            "REVIEWLENS_LLM_OPENAI_MODLE": "1",
            "REVIEWLENS_ZZ": "1",
            "REVIEWLENS_PORT": "1",
            "SESION": "1",
        }
    )
    assert [record.getMessage() for record in caplog.records] == [
        "REVIEWLENS_LLM_OPENAI_MODLE is set, and nothing reads it; did you mean REVIEWLENS_LLM_OPENAI_MODEL?",
        "REVIEWLENS_SESION_TIMEOUT is set, and nothing reads it; did you mean REVIEWLENS_SESSION_TIMEOUT?",
        "REVIEWLENS_ZZ is set, and nothing reads it; docs/reference/settings.md has the names there are",
    ]


def test_every_setting_of_the_stack_is_known() -> None:
    """The API runs in the stack's environment."""
    assert set(stack_variables()) <= known()


def test_every_name_that_the_repository_mentions_is_known() -> None:
    """Scripts, documents and configurations: none of them sets what would be called a typing error."""
    files = [
        path
        for pattern in WHERE
        for path in ROOT.glob(pattern)
        if path.is_file() and "data" not in path.parts
    ]
    mentioned = {
        name: str(path.relative_to(ROOT))
        for path in files
        if path.suffix not in (".pyc",)
        for name in NAME.findall(path.read_text(encoding="utf-8", errors="ignore"))
    }
    assert "REVIEWLENS_PORT" in mentioned
    assert {name: mentioned[name] for name in unknown(mentioned)} == {}, "to be added in app/variables.py"


@pytest.mark.parametrize(
    "code",
    [
        "import app.main",
        "import sys; sys.argv = ['reviewlens', 'ingest', 'app/reviews/samples/factors.csv', '--no-metrics']; "
        "from app.cli import main; main()",
    ],
)
def test_it_is_told_at_the_start(code: str, tmp_path: Path) -> None:
    """Of the service and of an import, once."""
    lines = started(code, tmp_path, REVIEWLENS_STATEDIR="x")
    assert lines.count("REVIEWLENS_STATEDIR is set, and nothing reads it; did you mean ") == 1


def started(code: str, state_dir: Path, **environ: str) -> str:
    """What the code says on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environ, "REVIEWLENS_STATE_DIR": str(state_dir), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stderr


def test_a_near_miss_of_opentelemetry_is_told_at_the_start(tmp_path: Path) -> None:
    """With the name that was meant, and without the value; names of other libraries get nothing."""
    lines = started(
        "import app.main",
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPONT="http://t0ken",
        TELEMETRY_METRIC_PATH="/t0ken",
        OTEL_PYTHON_LOG_FORMAT="t0ken",
    )
    assert [line.partition("telemetry: ")[2] for line in lines.splitlines() if "nothing reads" in line] == [
        "OTEL_EXPORTER_OTLP_ENDPONT is set, and nothing reads it; did you mean OTEL_EXPORTER_OTLP_ENDPOINT?",
        "TELEMETRY_METRIC_PATH is set, and nothing reads it; did you mean TELEMETRY_METRICS_PATH?",
    ]
    assert "t0ken" not in lines


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_EXPORTER_JAEGER_ENDPOINT",
        "OTEL_EXPORTER_OTLP_USER_AGENT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_NODE_RESOURCE_DETECTORS",
        "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
        "OTEL_SERVICE_NAMESPACE",
        "OTEL_SERVICE_VERSION",
    ],
)
def test_names_that_others_read_are_no_near_misses(name: str) -> None:
    """Of other languages, libraries and injectors."""
    assert misspelt({name: ""}) == {}
