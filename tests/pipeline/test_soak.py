"""The soak, for real and short: it ends well, its numbers agree, and stopped it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.servers import ROOT, wait_for

from soak.disturbances import ROUND
from soak.laws import LAWS
from telemetry.catalog import CATALOG

pytestmark = pytest.mark.built

SECONDS = 25
ROW = re.compile(r"^│ +(?P<what>\S.*?) +│ +(?P<number>[\d,.]+)(?: s| MiB)? │", re.MULTILINE)


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The command, in a session of its own, with its temporary files in a folder."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "soak", *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "OTEL_SDK_DISABLED": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_behind(command: subprocess.Popen[str], folder: Path) -> list[str]:
    """Processes of its session, mounts and files in its folder."""
    shown = subprocess.run(
        ["pgrep", "-s", str(command.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return [*shown, *mounts, *map(str, folder.iterdir())]


def test_a_short_run_keeps_every_law_and_its_numbers_agree(tmp_path: Path) -> None:
    """Workers killed, collector and Prometheus away: what clients sent is what everybody counted."""
    with started(tmp_path, "--seconds", str(SECONDS)) as command:
        said, _ = command.communicate(timeout=280)
    assert command.returncode == 0, said
    told = {row["what"]: float(row["number"].replace(",", "")) for row in ROW.finditer(said)}
    assert told["requests sent"] > 100
    assert told["requests sent"] == told["answered"] + told["broken"] + told["left"]
    assert told["answered"] <= told["counted on /metrics"] <= told["requests sent"]
    assert (
        told["counted on /metrics"] == told["counted at Prometheus"] == told["counted through the collector"]
    )
    assert told["lost"] == told["resets at Prometheus"] == 0
    assert told["dialogues completed"] + told["dialogues abandoned"] <= told["dialogues started"]
    assert min(told["dialogues completed"], told["dialogues abandoned"], told["left"]) > 0
    assert len(CATALOG) < told["series now"]
    assert f"{len(LAWS)} of {len(LAWS)} laws hold" in said
    disturbed = [one.what for one in ROUND if f"s  {one.what}: {one.tells}" in said]
    left_out = [] if len(disturbed) == len(ROUND) else ["disk full"]
    assert disturbed == [one.what for one in ROUND if one.what not in left_out]
    assert ("left out, the full disk: " in said) == bool(left_out)
    wait_for("all of it to be gone", lambda: not left_behind(command, tmp_path))


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_amid_a_run_it_leaves_nothing_behind(by: signal.Signals, code: int, tmp_path: Path) -> None:
    """No process, no mount, no file; and a second Ctrl-C does not cut the clearing short."""
    with started(tmp_path, "--seconds", "60", "--workers", "2") as command:
        assert command.stdout is not None
        for line in command.stdout:
            if "worker killed" in line:
                break
        os.kill(command.pid, by)
        threading.Timer(0.5, os.kill, (command.pid, by)).start()
        said, _ = command.communicate(timeout=100)
    assert command.returncode == code, said
    wait_for("all of it to be gone", lambda: not left_behind(command, tmp_path))
