"""The committed dashboards are what the code makes today."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from monitoring.targets import HERE

FOLDER = HERE / "grafana" / "dashboards"
GENERATES = sys.version_info >= (3, 11)


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitoring.dashboards", *arguments]
    return subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)


def test_the_committed_files_are_fresh() -> None:
    """On Python 3.10, where Grafana's SDK does not run, the command says which Python it needs."""
    done = generate("--check")
    if GENERATES:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, "needs 3.11 or newer" in done.stderr) == (2, True)


def test_a_stale_file_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    """One changed, one missing, one too many; and the command does mend them."""
    if not GENERATES:
        assert generate("--check", "--folder", tmp_path).returncode == 2
        return
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    changed = tmp_path / "reviewlens_dashboard.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace("p95", "p96"), encoding="utf-8")
    (tmp_path / "reviewlens-demo-kr.json").unlink()
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")

    done = generate("--check", "--folder", tmp_path)
    assert done.returncode == 1
    old, demo, http = done.stderr.splitlines()
    assert "old.json: no board makes it; delete it" in old
    assert "reviewlens-demo-kr.json: missing" in demo
    assert "reviewlens_dashboard.json: differs at line" in http
    assert done.stderr.count("Mend with: python -m monitoring.dashboards") == 3

    (tmp_path / "old.json").unlink()
    assert generate("--folder", tmp_path).returncode == 0
    assert generate("--check", "--folder", tmp_path).returncode == 0
