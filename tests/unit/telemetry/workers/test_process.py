"""Which process this is: started to share the work, or on its own."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from telemetry.workers import process as processes

TOLD = "from telemetry.workers import process; print(process.parent({{}}) == {parent}, end='')"


def parent_is(pid: int | None) -> bool:
    return processes.parent({}) == pid


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_who_multiprocessing_starts_shares_the_work_of_who_asked_for_it(method: str) -> None:
    """A fork server in between is not its parent."""
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        assert pool.submit(parent_is, os.getpid()).result()


def test_who_is_forked_shares_the_work_and_who_runs_another_program_does_not() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(processes.parent({}) == os.getppid())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    shown = subprocess.run([sys.executable, "-c", TOLD.format(parent=None)], capture_output=True, check=True)
    assert shown.stdout == b"True"


@pytest.mark.process
def test_a_daemon_stands_alone() -> None:
    """It was forked, by a process that has ended."""
    read, write = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.write(write, b"alone" if _alone_once_orphaned() else b"not")
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        assert told.read() == b"alone"


def _alone_once_orphaned() -> bool:
    return any(processes.parent({}) is None for _ in range(10_000_000))


def test_where_linux_does_not_tell_gunicorn_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox shows no flags; a worker of another user may not look at its arbiter."""
    gunicorn = {"SERVER_SOFTWARE": "gunicorn/23.0.0"}
    assert processes.parent(gunicorn) is None, "an arbiter that runs its own program"
    monkeypatch.setattr(processes, "_fields", lambda _: ["0"] * 30)
    assert processes.parent(gunicorn) == os.getppid()
    assert processes.parent({}) is None
    monkeypatch.setattr(processes, "_fields", lambda _: [str(processes.FORKED)] * 30)

    def refuse(_: Path) -> Any:
        raise PermissionError

    monkeypatch.setattr(Path, "readlink", refuse)
    assert processes.parent(gunicorn) == os.getppid()
    assert processes.parent({}) is None


@pytest.mark.parametrize(
    ("words", "is_helper", "is_spawned"),
    [
        (["python", "-B", "-c", "from multiprocessing.resource_tracker import main;main(5)"], True, False),
        (["python", "-c", "from multiprocessing.forkserver import main; main(3, 4)"], True, False),
        (["python", "-c", "from multiprocessing.spawn import ...", "--multiprocessing-fork"], False, True),
        (["python", "-m", "uvicorn", "app:app"], False, False),
    ],
)
def test_helpers_and_spawned_processes_are_known_while_the_interpreter_starts(
    words: list[str], is_helper: bool, is_spawned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", words)
    assert processes.is_helper() == is_helper
    assert (processes.parent({}) == os.getppid()) == is_spawned


def test_when_a_process_began_is_told_where_there_is_no_boot_id(monkeypatch: pytest.MonkeyPatch) -> None:
    here = processes.began(os.getpid())
    boot, _, ticks = here.partition(".")
    whole = Path.read_text

    def hidden(path: Path, *args: Any, **kwargs: Any) -> str:
        if path.name == "boot_id":
            raise FileNotFoundError(path)
        return whole(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", hidden)
    assert boot
    assert processes.began(os.getpid()) == f".{ticks}"
    assert processes.began(os.getpid()) != processes.began(1)
    assert processes.began(2**22 + 1) == ""
