"""All that is written is its owner's alone, whatever the umask: one row for each command."""

from __future__ import annotations

import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.own_stack import environment
from support.servers import ROOT, free_port, run, wait_for
from support.umasks import umask

from app.settings import DATABASE
from scripts.stack import render
from scripts.stack.binaries import find
from scripts.stack.manifest import Program
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack

PROGRAM = str(Path(sys.executable).with_name("reviewlens"))
SAMPLES = ROOT / "app" / "reviews" / "samples"
STORE = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}


def modes(folder: Path) -> dict[str, int]:
    """Permissions of the folder and all below it but sockets, which have modes of their own."""
    found = {str(path.relative_to(folder)): path.lstat().st_mode for path in (folder, *folder.rglob("*"))}
    return {name: mode for name, mode in found.items() if not stat.S_ISSOCK(mode)}


def is_private(mode: int) -> bool:
    return stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600)


def with_workers(folder: Path) -> dict[str, int]:
    """As soon as both have their files."""
    wait_for("two workers", lambda: len(list(folder.rglob("*.cells"))) == 2)
    return modes(folder)


def up(folder: Path) -> dict[str, int]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(folder), "WEB_CONCURRENCY": "2"}.items():
            patch.setenv(name, value)
        stack = Stack(StackSettings.from_env(), lambda _: None)
        try:
            stack.up()
            return with_workers(folder)
        finally:
            stack.down()


def serve(folder: Path) -> dict[str, int]:
    port = free_port()
    env = {"REVIEWLENS_STATE_DIR": str(folder)}
    with run(
        [PROGRAM, "serve", f"--port={port}", "--workers=2"], f"http://127.0.0.1:{port}", "/readyz", env=env
    ):
        return with_workers(folder)


def ingest(folder: Path) -> dict[str, int]:
    """While it watches, so that -wal and -shm are there."""
    port = free_port()
    command = [PROGRAM, "ingest", str(SAMPLES), "--watch", str(SAMPLES), f"--metrics-port={port}"]
    env = {"REVIEWLENS_STATE_DIR": str(folder)}
    with run(command, f"http://127.0.0.1:{port}", "/metrics", env=env):
        return modes(folder)


def rendered(folder: Path) -> dict[str, int]:
    """Of a Grafana too, which is not everywhere to be had."""
    settings = StackSettings.from_env(environment(folder))
    render.prometheus_config(settings)
    render.grafana_provisioning(settings)
    render.grafana_password(settings)
    return modes(folder)


PROGRAMS = ("api", "simulator", "prometheus", "alertmanager", "look", "supervisord")
RUN = {f"run/{name}.pid" for name in PROGRAMS} | {f"run/logs/{name}.log" for name in PROGRAMS}
RUN |= {
    "run/stack.json",
    "run/supervisord.conf",
    "run/lock",
    "run/launch/api.sh",
    "run/prometheus/prometheus.yml",
}
ROWS: dict[Callable[[Path], dict[str, int]], set[str]] = {
    up: {*RUN, *(f"run/state/{name}" for name in STORE), "run/state/workers", "data/prometheus/wal"},
    serve: {*STORE, "workers"},
    ingest: STORE,
    rendered: {*(f"run/{name}" for name in render.FILES[::2]), "data/grafana/admin-password"},
}


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o377], ids="{:03o}".format)
@pytest.mark.parametrize("command", ROWS, ids=lambda command: command.__name__)
def test_all_that_a_command_writes_is_its_owner_s_alone(
    command: Callable[[Path], dict[str, int]], mask: int
) -> None:
    """Files 0600, folders 0700; the named ones are there."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, umask(mask):
        found = command(Path(folder, "made"))
    assert {name: oct(mode) for name, mode in found.items() if not is_private(mode)} == {}
    assert ROWS[command] <= found.keys()


def test_no_other_user_can_put_a_program_into_the_cache(
    cache: Path, mirror, prometheus_program: Program
) -> None:
    """What lies there is run later."""
    mirror.publish(prometheus_program)
    with umask(0):
        find(prometheus_program)
    assert {oct(path.stat().st_mode & 0o777) for path in (cache, cache.parent)} == {"0o700"}
