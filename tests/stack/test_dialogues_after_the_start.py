"""The dialogues of `make up`: what their end means for the command, and whether an LLM took part."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.fake_prometheus import FakePrometheus, vector
from support.own_stack import environment, run
from support.servers import ROOT, free_port, wait_for

from scripts.stack import dialogues
from telemetry.doctor.prometheus import Prometheus

DRIVE = """
import sys
from scripts.stack import dialogues
dialogues.REVIEWLENS = sys.argv[1:]
dialogues.drive(None, print)
"""


def prometheus(verdicts: dict[str, float], failures: dict[str, float]) -> Prometheus:
    """A Prometheus with these verdicts by provider and these failures by type."""
    series = {
        dialogues.VERDICTS: vector(*(({"provider": name}, value) for name, value in verdicts.items())),
        dialogues.FAILURES: vector(*(({"error_type": name}, value) for name, value in failures.items())),
    }
    return FakePrometheus(answer=series.__getitem__)


def command(folder: Path, script: str) -> str:
    """A stand-in for the command reviewlens."""
    path = folder / "reviewlens"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("ended", "code", "said"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (3, 0, "Sent and counted differ (see above): other traffic"),
        (130, 130, "The dialogues were stopped. The stack is running; `make down` stops it."),
        (143, 143, "The dialogues were stopped. The stack is running; `make down` stops it."),
    ],
)
def test_the_end_of_the_dialogues_is_told(
    ended: int, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other people's traffic fails nothing; whoever stops them hears that the stack goes on."""
    monkeypatch.setattr(dialogues, "REVIEWLENS", [command(tmp_path, f"exit {ended}")])
    lines: list[str] = []
    assert dialogues.drive(prometheus({"gemini": 8}, {}), lines.append) == code
    assert "\n".join(lines).startswith(said)
    assert bool(lines) == bool(said)


@pytest.mark.parametrize(
    ("verdicts", "failures", "said"),
    [
        ({"gemini": 8}, {}, ""),
        ({"gemini": 1, "template": 7}, {"timeout": 21}, ""),
        ({}, {}, ""),
        (
            {"template": 8},
            {"connection": 16, "auth": 8},
            "failed attempts: connection 16, auth 8. Check network,",
        ),
        ({"template": 8}, {}, "failed attempts: none. Check network, proxy and keys;"),
    ],
)
def test_verdicts_without_an_llm_are_told(
    verdicts: dict[str, float], failures: dict[str, float], said: str
) -> None:
    """Only when every one is the template's; with what failed and where to go on."""
    told = dialogues.without_llm(prometheus(verdicts, failures))
    assert said in told
    assert bool(told) == bool(said)


def test_the_runbook_that_is_named_is_there() -> None:
    """It is read when something is wrong."""
    told = dialogues.without_llm(prometheus({"template": 1}, {}))
    (page,) = [word for word in told.split() if word.endswith(".md")]
    assert (ROOT / page).exists()


def test_after_ctrl_c_the_demo_may_undo_what_it_did(tmp_path: Path) -> None:
    """The command waits for it, and then says that the stack is running."""
    script = 'trap "sleep 1; touch undone; exit 130" INT; touch began; while :; do sleep 0.05; done'
    words = [sys.executable, "-c", DRIVE, command(tmp_path, f"cd {tmp_path}; {script}")]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as drive:
        wait_for("the demo", (tmp_path / "began").exists)
        os.killpg(drive.pid, signal.SIGINT)
        said, _ = drive.communicate(timeout=20)
    assert (tmp_path / "undone").exists()
    assert said == "The dialogues were stopped. The stack is running; `make down` stops it.\n"


def test_up_with_a_key_and_no_network_says_that_no_llm_answered() -> None:
    """Everything runs, every dialogue has its verdict, and nobody takes the template for an LLM."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        nowhere = {"GEMINI_API_KEY": "k", "REVIEWLENS_LLM_GEMINI_BASE_URL": f"http://127.0.0.1:{free_port()}"}
        others = {"OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": ""}
        env = {**environment(Path(folder)), **nowhere, **others}
        try:
            up = run("up", env)
        finally:
            run("down", env)
    assert (up.returncode, up.stderr) == (0, "")
    assert (
        "No verdict came from an LLM, the template wrote them all; failed attempts: connection " in up.stdout
    )
