"""Reboots, a hung supervisor, folders of others: told in one line, and no foreign process is hurt."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.own_stack import environment, is_alive, pid_of, run
from support.servers import wait_for

from scripts.stack import launch, private, processes, rpc
from scripts.stack.errors import StackError
from scripts.stack.ports import command_of
from scripts.stack.services import Service
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack

WAITING = "import time; time.sleep(60)"
STUBBORN = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('on', flush=True); sys.stdin.read()"


@contextmanager
def stubborn() -> Iterator[subprocess.Popen[str]]:
    """A process that SIGTERM does not end."""
    words = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        yield process
        process.kill()


def test_a_number_that_is_recycled_after_sigterm_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last look before the deadline sees our process; the look before SIGKILL sees another one's."""
    monkeypatch.setattr(processes, "STOP_SECONDS", 0)
    with stubborn() as foreign:
        owners = iter([foreign.pid, foreign.pid])
        processes._end(lambda: next(owners, None), "api", lambda _: None)
        with pytest.raises(subprocess.TimeoutExpired):
            foreign.wait(0.5)


def test_a_leftover_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its number is still its own."""
    monkeypatch.setattr(processes, "STOP_SECONDS", 0)
    with stubborn() as ours:
        processes._end(lambda: None if ours.poll() is not None else ours.pid, "api", lambda _: None)
        assert ours.returncode == -signal.SIGKILL


@contextmanager
def launched(settings: StackSettings) -> Iterator[subprocess.Popen[bytes]]:
    """A service as the supervisor starts it."""
    service = Service("api", (sys.executable, "-c", WAITING), 1)
    launch.write(settings, [service])
    script = settings.run_dir / launch.FOLDER / "api.sh"
    with subprocess.Popen(["/bin/sh", script]) as process:
        wait_for("the service", lambda: command_of(process.pid).endswith(" ".join(service.command[1:])))
        yield process
        process.kill()


def test_a_number_that_another_process_of_the_same_command_has_is_not_ended(tmp_path: Path) -> None:
    """As a clone in another folder has it, after a crash or a reboot; the file goes."""
    settings = StackSettings.from_env({"REVIEWLENS_RUN_DIR": f"{tmp_path}/run"})
    with launched(settings):
        pass
    with subprocess.Popen([sys.executable, "-c", WAITING], cwd=tmp_path) as foreign:
        wait_for("its command line", lambda: command_of(foreign.pid).endswith(WAITING))
        settings.pid_file("api").write_text(f"{foreign.pid}\n")
        processes.sweep(settings, ["api"], lambda _: None)
        assert foreign.poll() is None
        foreign.kill()
    assert not settings.pid_file("api").exists()


@pytest.mark.parametrize("began", ["another boot", "not written"])
def test_only_the_very_process_that_was_started_is_ended(tmp_path: Path, began: str) -> None:
    """Number, command line and clock ticks may all be the same after a reboot."""
    settings = StackSettings.from_env({"REVIEWLENS_RUN_DIR": f"{tmp_path}/run"})
    with launched(settings) as process:
        file = settings.run_dir / launch.FOLDER / "api.began"
        number, true = f"{process.pid}\n", file.read_text()
        if began == "not written":
            file.unlink()
        else:
            file.write_text(f"00000000.{true.partition('.')[2]}")
        processes.sweep(settings, ["api"], lambda _: None)
        assert process.poll() is None
        file.write_text(true)
        settings.pid_file("api").write_text(number)
        processes.sweep(settings, ["api"], lambda _: None)
        assert process.wait(10) == -signal.SIGTERM


def test_what_a_reboot_leaves_is_cleared_by_the_next_start(stack: Stack) -> None:
    """Scripts, record, socket and PID files stay; the numbers in them now belong to others."""
    stack.start_monitoring()
    run_dir = stack.settings.run_dir
    files = {path.name for path in run_dir.glob("*.pid")}
    ours = [pid_of(stack, name) for name in ("supervisord", "prometheus", "alertmanager", "look")]
    for pid in ours:
        os.kill(pid, signal.SIGKILL)
    wait_for("all to be gone", lambda: not any(map(is_alive, ours)))
    with subprocess.Popen(["sleep", "60"]) as foreign:
        for name in files:
            (run_dir / name).write_text(str(foreign.pid))
        assert stack.settings.socket.exists()
        stack.start_monitoring()
        assert foreign.poll() is None
        foreign.kill()
    assert is_alive(pid_of(stack, "prometheus"))


def test_a_supervisor_that_hangs_is_told_and_nothing_is_touched(stack: Stack) -> None:
    """Its process is stopped: whether it runs has no answer, so no command goes on."""
    stack.start_monitoring()
    supervisord, prometheus = pid_of(stack, "supervisord"), pid_of(stack, "prometheus")
    os.kill(supervisord, signal.SIGSTOP)
    try:
        with pytest.raises(StackError, match=r"does not answer within 0\.2 s\. Kill the process in .*pid"):
            rpc.supervisor(stack.settings.socket, 0.2).getState()
        assert is_alive(prometheus)
    finally:
        os.kill(supervisord, signal.SIGCONT)
    assert stack.supervisor.running()


def test_a_socket_whose_queue_is_full_is_told_as_well(tmp_path: Path) -> None:
    """Connecting has an end too."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder, "s")
        server.bind(str(path))
        server.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            began = time.monotonic()
            with pytest.raises(StackError, match="does not answer"):
                rpc.supervisor(path, 0.2).getState()
            assert time.monotonic() - began < 30


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere; another user may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("part", ["", "new", "new/deeper"])
def test_a_folder_that_cannot_be_written_is_one_line(part: str) -> None:
    """Whether it is there or has to be made."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        Path(folder).chmod(0o555)
        with as_nobody(), pytest.raises(StackError) as error:
            private.folder(Path(folder, part))
        Path(folder).chmod(0o755)
    assert str(error.value) == (
        f"{Path(folder, part)} cannot be written (Permission denied). "
        "REVIEWLENS_RUN_DIR and REVIEWLENS_DATA_DIR name other folders."
    )


@pytest.mark.parametrize("variable", ["REVIEWLENS_RUN_DIR", "REVIEWLENS_DATA_DIR"])
def test_a_file_in_the_place_of_a_folder_is_one_line(variable: str) -> None:
    """Of the command too: no traceback reaches a user."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        env = environment(Path(folder))
        Path(env[variable]).write_text("")
        done = run("start-monitoring", env)
        run("down", env | {variable: f"{folder}/other"})
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr
