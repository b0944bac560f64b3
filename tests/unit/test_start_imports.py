"""What a start imports: the service, and of its commands the one that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import ROOT

LOADED = """
import sys
{code}
print(*sorted(name for name in sys.modules if name.startswith(("app.demo", "telemetry.doctor", "httpx"))))
"""


@pytest.mark.parametrize(
    "code",
    [
        "import app.service",
        "import app.main",
        "from app.cli import cli; cli(['serve', '--help'], standalone_mode=False)",
    ],
)
def test_the_service_starts_without_its_demo_its_doctor_and_their_client(code: str, tmp_path: Path) -> None:
    """A start pays for what it uses; a fault in the demo stops no service."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(code=code)],
        cwd=ROOT,
        env={"REVIEWLENS_STATE_DIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == ""
