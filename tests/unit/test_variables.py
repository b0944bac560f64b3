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

NAME = re.compile(r"\bREVIEWLENS_[A-Z_]*[A-Z]\b(?![_*])")
WHERE = (
    "README.md",
    "DESIGN.md",
    "Makefile",
    "docs/*.md",
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
        "REVIEWLENS_ZZ is set, and nothing reads it; docs/settings.md has the names there are",
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
    environ = {"REVIEWLENS_STATEDIR": "x", "REVIEWLENS_STATE_DIR": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.count("REVIEWLENS_STATEDIR is set, and nothing reads it; did you mean ") == 1
