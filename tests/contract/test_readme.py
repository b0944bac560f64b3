"""The README keeps its word: its code runs, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ko.md")
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(readme: str, language: str) -> list[str]:
    """The code blocks of one language."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    return [found["code"] for found in BLOCK.finditer(text) if found["language"] == language]


@pytest.mark.parametrize("page", [*READMES, "docs/reference/recording.md"])
def test_its_python_runs(page: str) -> None:
    """Every Python block, as it stands, in a process of its own."""
    code = blocks(page, "python")
    assert code
    for block in code:
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"


@pytest.mark.parametrize("readme", READMES)
def test_its_make_targets_exist(readme: str) -> None:
    """Whatever it tells a reader to make can be made."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)", text))
    assert {"up", "test", "down"} <= targets
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= known


@pytest.mark.parametrize("readme", READMES)
def test_its_commands_exist(readme: str) -> None:
    """Every `reviewlens` subcommand that it shows has a help page."""
    shown = set(re.findall(r"\.venv/bin/reviewlens ([a-z-]+)", "".join(blocks(readme, "bash"))))
    assert shown
    for command in shown:
        program = Path(sys.executable).with_name("reviewlens")
        done = subprocess.run([program, command, "--help"], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, command


def test_the_two_languages_say_the_same() -> None:
    """As many headings, code blocks and table rows in one as in the other, but for what is said to differ."""
    english, korean = ((ROOT / readme).read_text(encoding="utf-8") for readme in READMES)
    for mark in ("```mermaid", "<!-- generated:"):
        assert english.count(mark) == korean.count(mark), mark
    assert english.count("\n## ") == korean.count("\n## ")
