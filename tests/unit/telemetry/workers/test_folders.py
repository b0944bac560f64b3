"""Folders of groups: names, what a start removes, and what it leaves alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telemetry.workers import folders as groupfolders
from telemetry.workers import process as processes
from telemetry.workers.worker import Worker

HOST = socket.gethostname()
LONG_AGO = time.time() - groupfolders.ABANDONED_SECONDS - 60


def ended() -> int:
    """A process id that was."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def made(folder: Path, *files: str) -> Path:
    """A folder with files, untouched for more than a day."""
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(b"")
    os.utime(folder, (LONG_AGO, LONG_AGO))
    return folder


def test_a_start_removes_what_ended_groups_left_and_nothing_else(tmp_path: Path) -> None:
    """Kept: one whose parent lives, one with a worker, one of another host."""
    folder, gone = tmp_path / "workers", ended()
    files = ("0.cells", "0.exemplars", "12.cells", "lead", "gauges.db", "gauges.db-wal", "gauges.db-shm")
    made(folder / f"{HOST}-{gone}-0000b007.1", *files)
    made(folder / f"{HOST}-{gone}-.1", *files)
    made(folder / f"{HOST}-{gone}-Sat.Nov.28.01.18.25.2026", *files)
    made(folder / "other-host-1-.2", *files)
    living = made(folder / f"{HOST}-{os.getpid()}-{processes.began(os.getpid())}", "0.cells")
    held = made(folder / f"{HOST}-{gone}-.2", "0.cells")
    elsewhere = made(folder / "other-1-.1", "0.cells")
    os.utime(elsewhere)
    worker = Worker(held)
    own = groupfolders.make(groupfolders.of({"TELEMETRY_STATE_DIR": str(tmp_path)}, os.getppid()))
    assert set(folder.iterdir()) == {living, held, elsewhere, own}
    assert worker.number == 0


@pytest.mark.parametrize(
    "name", ["my-precious-data", "backup-2024-01", "report-2025-12-01", "nightly-db-dump", "a-1-b.1.txt"]
)
def test_a_start_leaves_what_is_not_its_own(name: str, tmp_path: Path) -> None:
    """Whatever its age; also where such a name holds files that look like ours."""
    path = made(tmp_path / "workers" / name, "0.cells")
    groupfolders.make(groupfolders.of({"TELEMETRY_STATE_DIR": str(tmp_path)}, os.getpid()))
    assert [one.name for one in path.iterdir()] == ["0.cells"]


@pytest.mark.parametrize("stranger", ["keep.txt", "0.cells.bak", "x.cells", "folder/"])
def test_a_folder_with_anything_else_in_it_stays_whole(stranger: str, tmp_path: Path) -> None:
    path = made(tmp_path / "workers" / f"{HOST}-{ended()}-.1", "0.cells")
    (path / stranger).mkdir() if stranger.endswith("/") else (path / stranger).write_text("mine")
    groupfolders.clean(tmp_path / "workers" / "own")
    assert {one.name for one in path.iterdir()} == {"0.cells", stranger.rstrip("/")}


def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
    """Neither a folder that the name leads to, nor a file that stands under a name of ours."""
    precious = made(tmp_path / "precious", "0.cells")
    folder, gone = made(tmp_path / "workers"), ended()
    (folder / f"{HOST}-{gone}-.1").symlink_to(precious)
    linked = made(folder / f"{HOST}-{gone}-.2")
    (linked / "0.cells").symlink_to(precious / "0.cells")
    groupfolders.clean(folder / "own")
    assert (precious / "0.cells").exists()
    assert (linked / "0.cells").is_symlink()


def test_folders_that_are_gone_or_no_folders_stop_no_start(tmp_path: Path) -> None:
    """Two workers start at once, and the other was quicker."""
    folder = made(tmp_path / "workers", f"{HOST}-{ended()}-.1")
    gone = folder / f"{HOST}-1-.2"
    groupfolders.clean(folder / "own")
    assert not groupfolders.held(gone / "0.cells")
    assert not groupfolders._lives(gone)
    groupfolders._remove(folder, gone.name)
    groupfolders._remove(gone, "any")


def test_a_group_is_known_by_its_parent_and_by_when_that_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new server whose parent happens to have the same process id is another group."""
    folder = groupfolders.of({"REVIEWLENS_STATE_DIR": str(tmp_path)}, os.getppid())
    assert folder == tmp_path / "workers" / f"{HOST}-{os.getppid()}-{processes.began(os.getppid())}"
    assert groupfolders.root(folder) == os.getppid()
    assert groupfolders.root(tmp_path) is None
    assert groupfolders._NAME.fullmatch(folder.name)
    given = {"REVIEWLENS_STATE_DIR": "elsewhere", "TELEMETRY_STATE_DIR": str(tmp_path)}
    assert groupfolders.of(given, os.getppid()) == folder
    monkeypatch.chdir(tmp_path)
    assert groupfolders.of({}, 1).parent == tmp_path / ".run" / "state" / "workers"


def test_where_another_user_has_made_the_folder_this_users_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "workers" / "host-1-.1").parent
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    made_now = groupfolders.make(folder / "host-1-.2")
    assert made_now == tmp_path / f"workers-{os.geteuid()}" / "host-1-.2"
    assert made_now.is_dir()
