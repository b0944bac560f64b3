"""Workers of one server: numbers, whose file goes on, and what is removed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telemetry import workers
from telemetry.cells import Cells
from telemetry.testing import recording
from telemetry.workers import Worker


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process that is a worker of this group, counts 3, and waits."""
    script = (
        "import sys, time; from pathlib import Path; from telemetry.workers import Worker\n"
        "worker = Worker(Path(sys.argv[1])); worker.cells.cell(b'a', 1).add(0, 3)\n"
        "print(worker.number, flush=True); time.sleep(60)"
    )
    return subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True)


def number(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


def test_each_worker_has_the_lowest_free_number_and_sees_the_others(tmp_path: Path) -> None:
    first, second = hold(tmp_path), None
    try:
        assert number(first) == 0
        second = hold(tmp_path)
        assert number(second) == 1
        own = Worker(tmp_path)
        own.cells.claim(b"a", 1)[0].add(0, 1)
        assert own.number == 2
        assert list(own.others()) == [(b"a", [3.0]), (b"a", [3.0])]
    finally:
        for process in (first, second):
            if process:
                process.kill()
                process.wait()


def test_who_takes_the_number_of_a_killed_worker_goes_on_with_its_counts(tmp_path: Path) -> None:
    killed = hold(tmp_path)
    assert number(killed) == 0
    killed.kill()
    killed.wait()
    own = Worker(tmp_path)
    assert own.number == 0
    assert list(own.others()) == [(b"a", [3.0])]  # not asked for yet: as if of another
    own.cells.claim(b"a", 1)[0].add(0, 1)
    assert list(own.others()) == []
    assert own.cells.cell(b"a", 1).read() == [4.0]


def test_thousands_of_restarts_leave_one_file(tmp_path: Path) -> None:
    for _ in range(2_000):
        worker = Worker(tmp_path)
        worker.cells.cell(b"a", 1).add(0, 1)
        os.close(worker._file)
        del worker  # its mappings hold the file as well
    assert [path.name for path in tmp_path.iterdir()] == ["0.cells"]
    assert list(Worker(tmp_path).others()) == [(b"a", [2_000.0])]


def test_a_corrupt_file_costs_that_file_alone(tmp_path: Path) -> None:
    """And is counted: once when it is read, once when its number is taken and counting begins anew."""
    own = Worker(tmp_path)
    (tmp_path / "1.cells").write_bytes(b"nonsense" * 1000)
    good = Cells(os.open(tmp_path / "2.cells", os.O_RDWR | os.O_CREAT))
    good.cell(b"a", 1).add(0, 7)
    with recording(strict=False) as recorded:
        assert list(own.others()) == [(b"a", [7.0])]
        assert recorded.value("errors_total", component="telemetry", error_type="render") == 1
        other = Worker(tmp_path)
        assert recorded.value("errors_total", component="telemetry", error_type="record") == 1
    assert other.number == 1
    assert list(own.others()) == [(b"a", [7.0])]


def test_one_process_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.multiprocessing, "parent_process", lambda: None)
    assert workers.join({}) is None
    assert workers.is_worker({"SERVER_SOFTWARE": "gunicorn/23.0.0"})


def test_a_start_removes_what_ended_groups_left_and_nothing_else(tmp_path: Path) -> None:
    """One whose parent has ended; kept: one whose parent lives, one with a worker, one of another host."""
    host, gone = socket.gethostname(), subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = tmp_path / "workers"
    dead = folder / f"{host}-{gone.pid}-boot.1"
    living = folder / f"{host}-{os.getpid()}-{workers._began(os.getpid())}"
    held = folder / f"{host}-{gone.pid}-boot.2"
    elsewhere, long_ago = folder / "other-1-x.1", folder / "other-1-x.2"
    for path in (dead, living, held, elsewhere, long_ago):
        path.mkdir(parents=True)
        (path / "0.cells").write_bytes(b"")
    yesterday = time.time() - workers.ABANDONED_SECONDS - 60
    os.utime(long_ago, (yesterday, yesterday))
    worker = Worker(held)
    environ = {"REVIEWLENS_STATE_DIR": str(tmp_path), "SERVER_SOFTWARE": "gunicorn"}
    own = workers.join(environ)
    assert own and worker
    assert set(folder.iterdir()) == {living, held, elsewhere, workers.group(environ)}


def test_a_group_is_known_by_its_parent_and_by_when_that_began(tmp_path: Path) -> None:
    """A new server whose parent happens to have the same process id is another group."""
    name = workers.group({"REVIEWLENS_STATE_DIR": str(tmp_path)}).name
    assert name == f"{socket.gethostname()}-{os.getppid()}-{workers._began(os.getppid())}"
    assert workers._began(os.getpid()) != workers._began(os.getppid())
    assert workers._began(2**22 + 1) == ""
