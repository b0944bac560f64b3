"""scripts/make_dotenv.sh: a random password, once, for the owner alone."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.compose import FILES
from support.servers import ROOT

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
USED = r"\$\{(\w+)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script and what it reads."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make_dotenv.sh", tmp_path / "scripts")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def make(clone: Path) -> subprocess.CompletedProcess[str]:
    command = [clone / "scripts" / "make_dotenv.sh"]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


def test_it_writes_a_random_password_that_nobody_else_can_read(clone: Path) -> None:
    """All of the example, 192 random bits, mode 600; the password is not printed."""
    written = []
    for _ in range(2):
        done = make(clone)
        assert (done.returncode, done.stderr) == (0, "")
        assert stat.S_IMODE((clone / ".env").stat().st_mode) == 0o600
        text = (clone / ".env").read_text(encoding="utf-8")
        (password,) = re.findall(r"^GRAFANA_ADMIN_PASSWORD=([\w-]{32})$", text, re.MULTILINE)
        assert text == EXAMPLE.replace("PASSWORD=\n", f"PASSWORD={password}\n", 1)
        assert password not in done.stdout
        assert {path.name for path in clone.iterdir()} == {"scripts", ".env", ".env.example"}
        written.append(password)
        (clone / ".env").unlink()
    assert written[0] != written[1]


@pytest.mark.parametrize(
    ("there", "code"), [("GRAFANA_ADMIN_PASSWORD=mine\n", 0), ("OPENAI_API_KEY=mine\n", 1)]
)
def test_it_never_changes_a_file_that_is_there(clone: Path, there: str, code: int) -> None:
    """With a password all is well; without one it says what to add."""
    (clone / ".env").write_text(there)
    done = make(clone)
    assert (done.returncode, (clone / ".env").read_text()) == (code, there)
    assert ("no GRAFANA_ADMIN_PASSWORD" in done.stderr) == bool(code)


def test_git_ignores_it() -> None:
    """And not the example."""
    ignored = ["git", "check-ignore", ".env", ".env.example"]
    assert subprocess.run(ignored, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ".env\n"


def test_the_example_lists_what_the_compose_files_read_with_its_defaults() -> None:
    """Every variable, no other, and the default that the files themselves have."""
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in FILES)
    listed = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert set(listed) == set(re.findall(USED, text))
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", text))
    assert {name: listed[name] for name in defaults} == defaults
