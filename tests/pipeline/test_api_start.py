"""A store that cannot be used at the start: one line that says what to do, exit code 2, no traceback."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from support.servers import ROOT, free_port, run

from app.database import Database
from app.dialogue.store_sqlite import SqliteSessions
from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import DATABASE, AppSettings
from telemetry import SettingsError
from telemetry.testing import recording

PROGRAM = str(Path(sys.executable).with_name("reviewlens"))
STARTS = {
    "serve": [PROGRAM, "serve", "--port", "0"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"],
    "ingest": [PROGRAM, "ingest", str(ROOT / "app/reviews/samples"), "--no-metrics"],
}


def in_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "state"


def a_file_itself(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file"


def garbage(folder: Path) -> Path:
    (folder / DATABASE).write_bytes(bytes(range(256)) * 64)
    return folder


def a_folder_for_a_file(folder: Path) -> Path:
    (folder / DATABASE).mkdir()
    return folder


def a_damaged_page(folder: Path) -> Path:
    """Of what shoppers read, and no start would."""
    with sqlite3.connect(folder / DATABASE) as store:
        store.execute("CREATE TABLE mentions (a)")
        store.executemany("INSERT INTO mentions VALUES (?)", [("x" * 500,)] * 100)
    store.close()
    content = (folder / DATABASE).read_bytes()
    (folder / DATABASE).write_bytes(content[:-8192] + b"\xff" * 4096 + content[-4096:])
    return folder


FAULTS: list[tuple[Callable[[Path], Path], str, str]] = [
    (in_a_file, "Not a directory", "may write"),
    (a_file_itself, "Not a directory", "A file stands"),
    (garbage, "file is not a database", "Put a copy back"),
    (a_folder_for_a_file, "unable to open database file", "may write"),
]


def start(command: list[str], state: Path, **more: object) -> subprocess.CompletedProcess[str]:
    """The command with its state there, until it gives up."""
    environ = {**os.environ, "REVIEWLENS_STATE_DIR": str(state)}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False, **more
    )


def expect_one_line(done: subprocess.CompletedProcess[str], state: Path, reason: str, remedy: str) -> None:
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for part in (str(state / DATABASE), reason, remedy, "REVIEWLENS_STATE_DIR"):
        assert part in lines[0]


@pytest.mark.parametrize("command", STARTS)
@pytest.mark.parametrize(("fault", "reason", "remedy"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_a_store_that_cannot_be_opened(
    tmp_path: Path, fault: Callable[[Path], Path], reason: str, remedy: str, command: str
) -> None:
    """However it is started."""
    state = fault(tmp_path)
    expect_one_line(start(STARTS[command], state), state, reason, remedy)


def test_a_damaged_page_is_found_before_a_shopper_finds_it(tmp_path: Path) -> None:
    """The whole file is read once at the start."""
    state = a_damaged_page(tmp_path)
    expect_one_line(start(STARTS["uvicorn"], state), state, "malformed", "Put a copy back")


@pytest.mark.parametrize("kilobytes", [4, 100], ids=["for the tables", "for the samples"])
def test_a_disk_too_small(tmp_path: Path, kilobytes: int) -> None:
    """No file may grow beyond this: the tables find no room, or the samples do not."""
    most = (kilobytes * 1024, kilobytes * 1024)
    done = start(
        STARTS["serve"], tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, most)
    )
    expect_one_line(done, tmp_path, "disk I/O error", "df -h")


def test_a_full_disk_under_a_store_that_is_there(state_dir: Path) -> None:
    """Nothing has to be made, so only a write finds it out."""
    database = Database(state_dir / DATABASE)
    SqliteSessions(database, 60)
    log = state_dir / f"{DATABASE}-wal"
    while log.stat().st_size < 64 * 1024:  # more than any other file that a start touches
        database.probe()
    most = (log.stat().st_size,) * 2
    done = start(
        STARTS["uvicorn"], state_dir, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, most)
    )
    database.close()
    expect_one_line(done, state_dir, "disk I/O error", "df -h")


@pytest.mark.parametrize("command", ["serve", "uvicorn"])
def test_metrics_at_a_path_of_the_service_itself(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """It would be hidden from shoppers: one line by the key, however it is started."""
    monkeypatch.setenv("TELEMETRY_METRICS_PATH", "/api/products")
    done = start(STARTS[command], state_dir)
    assert done.returncode == 2
    *started, line = done.stderr.strip().splitlines()
    assert all("telemetry started" in other for other in started)
    assert line.startswith(
        "reviewlens: TELEMETRY_METRICS_PATH='/api/products': expected a path that the service"
    )


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("/api/products/chair-1", True),
        ("/api/sessions", True),
        ("/healthz", True),
        ("/docs", True),
        ("/openapi.json", True),
        ("/metrics", False),
        ("/api/metrics", False),
        ("/internal/metrics", False),
    ],
)
def test_paths_of_the_service_stay_its_own(state_dir: Path, path: str, is_refused: bool) -> None:
    """Parameters of a path too. A port of the metrics' own takes none of them."""

    def create(**more: str) -> None:
        with recording({"TELEMETRY_METRICS_PATH": path, **more}) as metrics:
            create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)

    with pytest.raises(SettingsError, match="TELEMETRY_METRICS_PATH") if is_refused else nullcontext():
        create()
    create(OTEL_EXPORTER_PROMETHEUS_PORT=str(free_port()))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_is_open_to_others_is_warned_of_once(state_dir: Path, workers: int) -> None:
    """It is the user's, so it stays; the store in it is closed to others."""
    state_dir.chmod(0o755)
    port = free_port()
    command = [PROGRAM, "serve", f"--port={port}", f"--workers={workers}"]
    env = {"REVIEWLENS_STATE_DIR": str(state_dir)}
    mask = os.umask(0o022)
    try:
        with run(command, f"http://127.0.0.1:{port}", "/readyz", env=env) as server:
            stores = {file.name: file.stat().st_mode & 0o777 for file in state_dir.glob(f"{DATABASE}*")}
            lines = [line for line in server.log.read_text().splitlines() if "open to other users" in line]
    finally:
        os.umask(mask)
    assert len(lines) == 1
    assert f"WARNING telemetry: the folder {state_dir} is open to other users (mode 0755)" in lines[0]
    assert state_dir.stat().st_mode & 0o777 == 0o755
    assert stores == dict.fromkeys((DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"), 0o600)
