"""The code in the documentation runs as it is written.

A page's diffs and shell blocks run in their order, in a copy of the repository; each Python block runs in
a process of its own. A block says otherwise in its first line: `in-stack` runs in
tests/stack/test_runbook_commands.py, as do those of the runbooks, and `not-run: REASON` nowhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.pages import KOREAN, ROOT, Block, blocks, tracked

SHELL = ("bash", "sh")
RUNBOOKS = "monitoring/runbooks/"
WRITES_DASHBOARDS = sys.version_info >= (3, 11)
MARK = re.compile(r"in-stack|not-run: \S.{3,}")


def runs_here(block: Block) -> bool:
    """Korean pages have the code of the English ones, which test_korean.py compares."""
    if "make docs" in block.code and not WRITES_DASHBOARDS:
        return False
    return not block.mark and block.page not in KOREAN and not block.page.startswith(RUNBOOKS)


STEPS = [block for block in blocks(*SHELL, "diff") if runs_here(block)]
FOLLOWED = sorted({step.page for step in STEPS})


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Block], None]:
    """Runs steps in a copy of the repository, whose modules they import."""
    copy = tmp_path / "repo"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    # `make` would install the copy into the environment that both use, when pyproject.toml has changed.
    (copy / "scripts" / "make_env.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(copy),
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
    }

    def step(block: Block) -> None:
        shell = ["bash", "-euo", "pipefail", "-c", block.code]
        command, given = (["git", "apply", "-"], block.code) if block.language == "diff" else (shell, "")
        done = subprocess.run(
            command, cwd=copy, env=env, input=given, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{block}\n{block.code}\n{done.stdout}{done.stderr}"

    return step


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page: str, run: Callable[[Block], None]) -> None:
    """Its diffs apply and its commands succeed, one after the other."""
    for block in STEPS:
        if block.page == page:
            run(block)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(block: Block) -> None:
    """As it stands, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", block.code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{block.code}\n{done.stderr}"


@pytest.mark.parametrize("block", [block for block in blocks(*SHELL) if block.mark], ids=str)
def test_a_block_that_does_not_run_here_says_why(block: Block) -> None:
    """Bash reads it without a complaint even so."""
    assert MARK.fullmatch(block.mark)
    read = subprocess.run(["bash", "-n", "-c", block.code], capture_output=True, text=True, check=False)
    assert read.stderr == ""


def test_scripts_and_subcommands_in_blocks_exist() -> None:
    """Also in those that run nowhere."""
    code = "\n".join(block.code for block in blocks(*SHELL))
    assert [name for name in set(re.findall(r"scripts/\w+\.sh", code)) if not (ROOT / name).exists()] == []
    known = subprocess.run(
        [Path(sys.executable).with_name("reviewlens"), "--help"], capture_output=True, text=True, check=True
    )
    shown = set(re.findall(r"(?<![\w-])reviewlens ([a-z][a-z-]+)", code))
    assert {"serve", "doctor", "ingest"} <= shown
    assert [command for command in shown if not re.search(rf"\b{command}\b", known.stdout)] == []


def test_make_targets_that_pages_name_exist() -> None:
    """Whatever a page asks a reader to make can be made."""
    named = {
        (page, target)
        for page in tracked("*.md")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    }
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {target for page, target in named if page == "README.md"} >= {"up", "test", "down"}
    assert {pair for pair in named if pair[1] not in targets} == set()
