"""The folder of a group, moved or removed while its workers count there."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.guard import guard
from telemetry.store.key import InstrumentKey, key_of, scope_of
from telemetry.workers.worker import Worker

KEY = key_of(InstrumentKey(scope_of(InstrumentationScope("m")), "tea_total", "", ""), {})


@pytest.fixture(autouse=True)
def nothing_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of other tests, which no pipeline was there to count."""
    monkeypatch.setattr(guard, "_due", Counter())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "workers" / "host-1-.1"


def worker(folder: Path) -> Worker:
    """One that has counted 1."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Worker(folder)
    made.cells.cell(KEY, 1).add(0, 1)
    return made


def counted(worker: Worker) -> float:
    """By all workers, as this one sees it."""
    others = [next(each.numbers())[each.placed[0][2]] for each in worker.readings()]
    return worker.cells.cell(KEY, 1).read()[0] + sum(others)


def test_a_folder_that_was_moved_is_put_back_with_all_that_is_in_it(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also a second time. Who comes takes no number that is taken. One fault a move, and one line a spell."""
    there = [worker(folder) for _ in range(3)]
    there.pop().leave()  # an ended worker's counts stay
    for time in (1, 2):
        (tmp_path / "state").rename(tmp_path / f"moved {time}")
        assert [counted(each) for each in there] == [2.0 + time] * len(there)
        there.append(worker(folder))
    assert [each.number for each in there] == [0, 1, 2, 3]
    assert [counted(each) for each in there] == [5.0] * 4
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"{folder} was moved while workers count there; its files are linked back"]
    assert guard._due == {"render": 2}


def test_a_folder_that_was_removed_is_no_smaller_total(folder: Path, tmp_path: Path) -> None:
    there = [worker(folder) for _ in range(2)]
    shutil.rmtree(tmp_path / "state")
    for each in there * 2:
        with pytest.raises(OSError, match=r"host-1-\.1 was removed: .*; restart the service"):
            counted(each)


def test_a_worker_that_began_in_its_place_is_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    """Both have the same number, and each scrape of those before says so."""
    before = [worker(folder) for _ in range(2)]
    (tmp_path / "state").rename(tmp_path / "moved")
    worker(folder)
    for each in before * 2:
        with pytest.raises(OSError, match="another worker has begun there"):
            counted(each)
