"""Workers of one server: numbers, whose file goes on, and what is removed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.guard import guard
from telemetry.scrape.sums_of_cells import SumsOfCells
from telemetry.store.cells import Cells
from telemetry.store.key import InstrumentKey, key_of, scope_of
from telemetry.store.page import SIZE as CHUNK
from telemetry.store.reader import read
from telemetry.testing import recording
from telemetry.workers import number as numbered
from telemetry.workers.worker import Worker

SCOPE = scope_of(InstrumentationScope("m"))
KEY = key_of(InstrumentKey(SCOPE, "tea_total", "", ""), {})


def others(worker: Worker) -> list[tuple[bytes, list[float]]]:
    """Every series that the other workers have."""
    found = []
    for reading in worker.readings():
        pages = list(reading.numbers())
        found += [(key, pages[page][first : first + many]) for key, page, first, many in reading.placed]
    return found


@pytest.fixture(autouse=True)
def nothing_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of other tests, which no pipeline was there to count."""
    monkeypatch.setattr(guard, "_due", Counter())


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process that is a worker of this group, counts 3, and waits."""
    script = (
        "import sys, time; from pathlib import Path; from telemetry.workers.worker import Worker\n"
        "worker = Worker(Path(sys.argv[1])); worker.cells.cell(sys.argv[2].encode(), 1).add(0, 3)\n"
        "print(worker.number, flush=True); time.sleep(60)"
    )
    return subprocess.Popen([sys.executable, "-c", script, folder, KEY], stdout=subprocess.PIPE, text=True)


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
        own.cells.cell(KEY, 1).add(0, 1)
        assert own.number == 2
        assert others(own) == [(KEY, [3.0]), (KEY, [3.0])]
        assert not own.leads()
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
    own.cells.cell(KEY, 1).add(0, 1)
    assert others(own) == []
    assert own.cells.besides(()) == [(KEY, [4.0])]


def test_thousands_of_restarts_leave_one_file(tmp_path: Path) -> None:
    for _ in range(2_000):
        worker = Worker(tmp_path)
        worker.cells.cell(KEY, 1).add(0, 1)
        assert worker._file is not None
        os.close(worker._file)
        del worker  # its mappings hold the file as well
    assert [path.name for path in tmp_path.iterdir()] == ["0.cells"]
    assert Worker(tmp_path).cells.besides(()) == [(KEY, [2_000.0])]


def test_a_corrupt_file_costs_that_file_alone(tmp_path: Path) -> None:
    """And is counted: once when it is read, once when its number is taken and counting begins anew."""
    own = Worker(tmp_path)
    (tmp_path / "1.cells").write_bytes(b"nonsense" * 1000)
    good = Cells(os.open(tmp_path / "2.cells", os.O_RDWR | os.O_CREAT))
    good.cell(KEY, 1).add(0, 7)
    with recording(strict=False) as recorded:
        assert others(own) == [(KEY, [7.0])]
        assert recorded.value("errors_total", component="telemetry", error_type="render") == 1
        other = Worker(tmp_path)
        assert recorded.value("errors_total", component="telemetry", error_type="record") == 1
    assert other.number == 1
    assert others(own) == [(KEY, [7.0])]


def keys(number_: int) -> list[bytes]:
    return [key_of(InstrumentKey(SCOPE, "tea_total", "", ""), {"number": at}) for at in range(number_)]


def test_what_is_sound_in_a_broken_file_goes_on(tmp_path: Path) -> None:
    """And who reads the broken one meanwhile is not hurt: it is replaced, never cut."""
    path = tmp_path / "0.cells"
    cells = Cells(os.open(path, os.O_RDWR | os.O_CREAT))
    for key in keys(10_000):
        cells.cell(key, 1).add(0, 1)
    os.truncate(path, CHUNK + 1_000)
    broken = path.stat().st_ino
    with path.open("rb") as reading, recording(strict=False) as recorded:
        own = Worker(tmp_path)
        assert recorded.value("errors_total", component="telemetry", error_type="record") == 1
        assert os.fstat(reading.fileno()).st_size == CHUNK + 1_000
    assert own.number == 0
    assert path.stat().st_ino != broken
    there = dict(read(path))
    assert len(there) > 1_000
    assert set(there) <= set(keys(10_000))
    assert all(numbers == [1.0] for numbers in there.values())


def test_whatever_bytes_a_file_has_a_scrape_goes_on(tmp_path: Path) -> None:
    """A byte is wrong, at every place of two records and of their numbers in turn: what is added up are
    numbers that a metric can have, or a fault is told."""
    own, path = Worker(tmp_path), tmp_path / "1.cells"
    Cells(os.open(path, os.O_RDWR | os.O_CREAT)).cell(KEY, 1).add(0, 3)
    histogram = key_of(InstrumentKey(SCOPE, "seconds", "s", "", (1.0,)), {"a": "b"})
    Cells(os.open(path, os.O_RDWR | os.O_CREAT)).cell(histogram, 3).add_two(0, 1, 2, 0.5)
    content = path.read_bytes()
    wrongs = [(at, wrong) for at, byte in enumerate(content) if byte for wrong in (0xFF, 0x00, byte ^ 0x80)]
    with path.open("r+b") as file, recording(strict=False) as recorded:
        for at, wrong in wrongs:
            file.seek(at)
            file.write(bytes([wrong]))
            file.flush()
            totals = SumsOfCells(lambda _: True, {})
            _, sums, broken = totals.add_up(own.stores())
            own.files._by_path.clear()
            for _ in range(broken):
                guard.count_fault("render")
            assert all(0 <= number < math.inf for number in sums)
            file.seek(at)
            file.write(content[at : at + 1])
            file.flush()
        faults = recorded.value("errors_total", component="telemetry", error_type="render")
    assert faults > len(wrongs) / 3


def test_a_number_is_not_taken_under_a_file_that_was_put_away(tmp_path: Path) -> None:
    """Who opened it just before would count where nobody reads."""
    path = tmp_path / "0.cells"
    gone = os.open(path, os.O_RDWR | os.O_CREAT)
    path.unlink()
    assert not numbered._is_at(gone, path)
    path.touch()
    assert not numbered._is_at(gone, path)
    assert numbered._is_at(os.open(path, os.O_RDWR), path)


def test_one_of_those_that_serve_leads_and_another_when_it_has_ended(tmp_path: Path) -> None:
    """A parent that only counts while it loads the application has nothing to tell of the group."""
    loading, first, second = Worker(tmp_path), Worker(tmp_path), Worker(tmp_path)
    first.serves = second.serves = True
    assert [worker.leads() for worker in (loading, second, first, second)] == [False, True, False, True]
    second.leave()
    assert first.leads()


def test_who_stands_alone_leads_until_others_serve(tmp_path: Path) -> None:
    alone = Worker()
    assert alone.leads()
    alone.folder = tmp_path
    assert alone.leads()
    assert Worker(tmp_path).number == 0
    assert not alone.leads()
    alone.serves = True
    assert alone.leads()


def test_a_process_that_finds_no_number_counts_in_memory(tmp_path: Path) -> None:
    own = Worker(tmp_path)
    cell = own.cells.cell(KEY, 1)
    cell.add(0, 3)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="File exists"):
        own.join(tmp_path / "file" / "group")
    cell.add(0, 1)
    assert cell.read() == [1.0]
    assert dict(read(tmp_path / "0.cells")) == {KEY: [3.0]}


@pytest.mark.parametrize("absurd", [math.inf, math.nan, -1.0])
def test_an_absurd_number_costs_its_own_series_alone(absurd: float, tmp_path: Path) -> None:
    """Those after it in the file go on when its worker has died."""
    path = tmp_path / "0.cells"
    cells = Cells(os.open(path, os.O_RDWR | os.O_CREAT))
    for at, key in enumerate(keys(9)):
        cells.cell(key, 1).add(0, absurd if at == 4 else 1)
    with recording(strict=False) as recorded:
        own = Worker(tmp_path)
        assert recorded.value("errors_total", component="telemetry", error_type="record") == 1
        _, sums, broken = SumsOfCells(lambda _: True, {}).add_up(own.stores())
    assert (own.number, sum(sums), broken) == (0, 8.0, 0)


def test_counting_beyond_the_largest_float_costs_its_own_series_alone(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    cells = Cells(os.open(path, os.O_RDWR | os.O_CREAT))
    for key in keys(9):
        cells.cell(key, 1).add(0, 1)
    for _ in range(2):
        cells.cell(keys(1)[0], 1).add(0, 1e308)
    _, sums, broken = SumsOfCells(lambda _: True, {}).add_up(Worker(tmp_path).stores())
    assert (sum(sums), broken) == (8.0, 0)
