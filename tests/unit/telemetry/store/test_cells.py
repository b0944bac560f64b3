"""Numbers in a file: written by one process, read by any, there after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from telemetry.guard import guard
from telemetry.store.cells import Cells
from telemetry.store.page import SIZE as CHUNK
from telemetry.store.page import CellsError
from telemetry.store.reader import read
from telemetry.testing import recording


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_cell_is_read_by_others_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    cell = Cells(opened(path)).cell(b"key", 3)
    assert dict(read(path)) == {b"key": [0.0, 0.0, 0.0]}
    cell.add(1, 2.5)
    cell.add_two(0, 1, 2, 7)
    assert dict(read(path)) == {b"key": [1.0, 2.5, 7.0]} == {b"key": cell.read()}


def test_who_opens_the_file_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    first = Cells(opened(path))
    first.cell(b"a", 1).add(0, 5)
    second = Cells(opened(path))
    second.cell(b"a", 1).add(0, 1)
    second.cell(b"b", 2).add(1, 3)
    assert dict(read(path)) == {b"a": [6.0], b"b": [0.0, 3.0]}
    assert second.began == first.began


def test_more_than_a_chunk_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    keys = [f"{at:05d}".encode() * 20 for at in range(6_000)]
    cells = Cells(opened(path))
    for at, key in enumerate(keys):
        cells.cell(key, 2).add(0, at)
    assert path.stat().st_size > 2 * CHUNK
    assert dict(read(path)) == {key: [float(at), 0.0] for at, key in enumerate(keys)}
    again = Cells(opened(path))
    again.cell(b"last", 1).add(0, 1)
    assert len(dict(read(path))) == len(keys) + 1


def test_a_chunk_that_is_just_full_and_an_empty_one_behind_it(tmp_path: Path) -> None:
    """Killed after the file has grown, before the first record of the new chunk."""
    path = tmp_path / "0.cells"
    Cells(opened(path)).cell(b"a", 1).add(0, 1)
    with path.open("ab") as file:
        file.write(bytes(CHUNK))
    Cells(opened(path)).cell(b"b", 1).add(0, 2)
    assert dict(read(path)) == {b"a": [1.0], b"b": [2.0]}


def test_what_was_counted_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    script = (
        "import os, sys, time; from telemetry.store.cells import Cells\n"
        "cell = Cells(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)).cell(b'a', 1)\n"
        "for _ in range(1000): cell.add(0, 1)\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == -signal.SIGKILL
    assert dict(read(path)) == {b"a": [1000.0]}


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 100,
        bytes(CHUNK) + b"x",
        b"NOTCELLS" + bytes(CHUNK),
        b"RLCELLS2" + bytes(8) + b"\xff" * 4 + bytes(CHUNK),
    ],
)
def test_a_file_that_holds_none_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    path.write_bytes(content)
    with pytest.raises(CellsError):
        list(read(path))


@pytest.mark.parametrize("size", [0, 4096, CHUNK])
def test_a_file_that_is_not_written_yet_is_no_fault(size: int, tmp_path: Path) -> None:
    """A scrape comes while a worker starts, or that was killed as it did."""
    path = tmp_path / "0.cells"
    path.write_bytes(bytes(size))
    assert list(read(path)) == []
    Cells(opened(path)).cell(b"a", 1).add(0, 1)
    assert dict(read(path)) == {b"a": [1.0]}


def test_a_truncated_file_keeps_what_is_whole_and_tells(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    cells = Cells(opened(path))
    for at in range(20_000):
        cells.cell(str(at).encode(), 1).add(0, 1)
    os.truncate(path, CHUNK + 100)
    found = []
    with pytest.raises(CellsError, match="ends in the middle"):
        for record in read(path):
            found.append(record)
    assert 0 < len(found) < 20_000
    assert all(numbers == [1.0] for _, numbers in found)


def no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


def little_space(file: int, content: bytes, offset: int) -> int:
    """As a disk does that is full after half of it."""
    os.truncate(file, offset + len(content) // 2)
    return len(content) // 2


@pytest.mark.parametrize("full", [no_space, little_space])
def test_on_a_full_disk_counting_goes_on_in_this_process(
    full: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0.cells"
    cells = Cells(opened(path))
    cells.cell(b"before", 1).add(0, 1)
    monkeypatch.setattr(os, "pwrite", full)
    long = [str(at).encode() * 1000 for at in range(1, 400)]
    with recording(strict=False) as recorded:
        before = recorded.value("errors_total", component="telemetry", error_type="record")
        for key in long:
            cells.cell(key, 1).add(0, 2)
        guard.count_due()
        faults = recorded.value("errors_total", component="telemetry", error_type="record")
    assert all(cells.cell(key, 1).read() == [2.0] for key in long)
    there = dict(read(path))
    assert there[b"before"] == [1.0]
    assert faults - before == len(long) + 1 - len(there) > 0


def test_a_full_disk_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter of faults is in cells as well, and may be the one that there is no room for."""
    cells = Cells(opened(tmp_path / "0.cells"))
    monkeypatch.setattr(os, "pwrite", no_space)
    monkeypatch.setattr(guard, "count", lambda *_: cells.cell(b"faults", 1).add(0, 1))
    recording_ = threading.Thread(target=cells.cell, args=(b"k" * (CHUNK - 8_000), 1), daemon=True)
    recording_.start()
    filling = threading.Thread(target=cells.cell, args=(b"l" * (CHUNK - 8_000), 1), daemon=True)
    filling.start()
    for thread in (recording_, filling):
        thread.join(20)
        assert not thread.is_alive()
    guard.count_due()
    assert cells.cell(b"faults", 1).read() == [1.0]


def test_an_instrument_has_so_many_keys_however_many_processes_came_and_went(tmp_path: Path) -> None:
    path, limit = tmp_path / "0.cells", 10
    for process in range(5):
        cells = Cells(opened(path))
        for at in range(8):
            claim = cells.claim(b"tea\n%d-%d" % (process, at), 1, limit, b"tea\nmore")
            claim.cell.add(0, 1)
            assert claim.writes
        assert cells.claim(b"coffee\n1", 1, limit, b"coffee\nmore").exports, "each has its own limit"
    found = dict(read(path))
    assert len(found) == limit + 2
    assert found[b"tea\nmore"] == [30.0]


def test_of_two_that_ask_for_a_cell_one_writes(tmp_path: Path) -> None:
    """Also where there is no room for it, and both count under another key."""
    cells = Cells(opened(tmp_path / "0.cells"))
    for limit, tells in ((1, True), (0, False)):
        key = b"tea\n%d" % limit
        asked = [cells.claim(key, 1, limit, b"tea\nmore")[1:] for _ in range(2)]
        assert asked == [(True, tells), (False, tells)]


def test_a_forked_process_leaves_its_parents_numbers_alone(tmp_path: Path) -> None:
    cells = Cells(opened(tmp_path / "0.cells"))
    cell = cells.cell(b"a", 1)
    cell.add(0, 5)
    cells.move(opened(tmp_path / "1.cells"))
    cell.add(0, 1)
    assert dict(read(tmp_path / "0.cells")) == {b"a": [5.0]}
    assert dict(read(tmp_path / "1.cells")) == {b"a": [1.0]}
