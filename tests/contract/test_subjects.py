"""The hook on commit messages: a subject that a log of one line each can show."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.servers import ROOT

HOOK = ROOT / "scripts" / "check_subject.sh"


def check(message: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the hook says of a message, as git hands it over."""
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    return subprocess.run([HOOK, file], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "message",
    [
        "Bound the numbers of settings from above\n",
        f"A{'b' * 71}\n\nA body may be longer than any subject, and have as many lines as it takes.\n",
        "Show a thing\n# Please enter the commit message for your changes.\n",
        "fixup! whatever it was called\n",
        'Revert "Show a thing"\n\nThis reverts commit 0123456.\n',
    ],
)
def test_a_good_subject_passes(message: str, tmp_path: Path) -> None:
    done = check(message, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("\n", "is empty"),
        (f"A{'b' * 72}\n", "has 73 characters; expected 72 at most"),
        ("Show a thing.\n", "ends with a period"),
        ("show a thing\n", "begins with no capital letter"),
        ("Show a thing\nand say why\n", "has no blank line behind it"),
    ],
)
def test_a_bad_subject_is_refused_with_its_reason(message: str, reason: str, tmp_path: Path) -> None:
    done = check(message, tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr
