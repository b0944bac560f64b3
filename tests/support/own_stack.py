"""A stack of the test's own: ports, folders, the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.servers import ROOT, free_port

from scripts.stack.modes import ALL_PORTS
from scripts.stack.ports import command_of
from scripts.stack.running import RunningStack
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack


def environment(folder: Path) -> dict[str, str]:
    """A stack of its own: free ports, folders of its own, no key."""
    ports = {variable: str(free_port()) for variable, _ in ALL_PORTS.values()}
    # Grafana is not asked for: what these tests prove does not depend on it.
    mirror = {"REVIEWLENS_DOWNLOAD_BASE": "http://127.0.0.1:9"}
    return {**ports, **mirror, "REVIEWLENS_RUN_DIR": f"{folder}/run", "REVIEWLENS_DATA_DIR": f"{folder}/data"}


def running(**environ: str) -> RunningStack:
    """The running stack, as a shell with these variables sees it."""
    return RunningStack(StackSettings.from_env({**os.environ, **environ}), lambda _: None)


def pid_of(stack: Stack, service: str) -> int:
    return int(stack.settings.pid_file(service).read_text())


def is_alive(pid: int) -> bool:
    return command_of(pid) != ""


def run(action: str, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.stack", action, *words],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
