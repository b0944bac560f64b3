"""Records are taken apart once, for all who need them, and in the order in which they come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.metrics import HANDLES
from telemetry.scrape.page import Scraped
from telemetry.scrape.sums_of_cells import SumsOfCells
from telemetry.store import follower as module
from telemetry.store.cells import Cells
from telemetry.store.follower import CellRecord, Follower, Store
from telemetry.store.key import InstrumentKey, key_of, parse, scope_of
from telemetry.store.reader import CellFile
from telemetry.workers.inheritance import Inheritance
from telemetry.workers.worker import Worker

TEA = InstrumentKey(scope_of(InstrumentationScope("reviewlens")), "tea_total", "", "")


class Told:
    """What a follower tells."""

    def __init__(self) -> None:
        self.of: list[str] = []

    def begin(self, _: Store) -> None:
        self.of.append("begin")

    def take(self, _: Store, record: CellRecord) -> None:
        self.of.append(record.attributes.decode())


def add(cells: Cells, *values: str) -> Cells:
    for value in values:
        cells.cell(key_of(TEA, {"a": value}), 1).add(0, 1)
    return cells


def test_who_comes_later_is_told_of_all_and_of_the_new_ones_once(tmp_path: Path) -> None:
    first, second, follower = Told(), Told(), Follower()
    cells = add(Cells(), "x")
    follower.subscribe(first)
    assert follower.follow([cells]) == follower.follow([add(cells, "y")]) == 0
    assert first.of == ["begin", '{"a": "x"}', '{"a": "y"}']
    follower.subscribe(second)
    follower.follow([cells])
    assert second.of == first.of[3:] == ["begin", '{"a": "x"}', '{"a": "y"}']
    cells.move(os.open(tmp_path / "0.cells", os.O_RDWR | os.O_CREAT))  # each series begins anew there
    follower.unsubscribe(first)
    follower.follow([cells])
    assert second.of[3:] == second.of[:3]
    assert len(first.of) == 6


def test_a_record_that_is_no_series_is_broken_and_the_next_one_is_told() -> None:
    told, follower, cells = Told(), Follower(), Cells()
    cells.cell(b"nonsense", 1)
    cells.cell(key_of(TEA, {"a": "two numbers"}), 2)
    follower.subscribe(told)
    assert follower.follow([add(cells, "x")]) == follower.follow([cells]) == 2
    assert told.of == ["begin", '{"a": "x"}']


def test_a_record_is_taken_apart_once_for_a_scrape_and_for_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is scraped, and looked at."""
    taken_apart: list[bytes] = []

    def counted(key: bytes) -> Any:
        taken_apart.append(key)
        return parse(key)

    monkeypatch.setattr(module, "parse", counted)
    own, other = Worker(tmp_path), Worker(tmp_path)
    inheritance = Inheritance(own, "reviewlens", {})
    scraped = Scraped("reviewlens", {}, own.cells, worker=own)
    add(own.cells, "x")
    add(other.cells, "x", "y")
    for _ in range(3):
        scraped.render(openmetrics=False)
        inheritance._look()
    assert len(taken_apart) == 3
    inheritance.close()


def test_nothing_comes_while_it_is_added_up() -> None:
    """A metric that looks for others' label sets waits for the scrape."""
    follower, free = Follower(), list[bool]()

    class Read(Cells):
        def numbers(self) -> Iterator[list[float]]:
            with ThreadPoolExecutor(1) as other:
                free.append(other.submit(follower.lock.acquire, blocking=False).result())
            return super().numbers()

    sums = SumsOfCells(lambda _: True, {}, follower=follower).add_up([add(Read(), "x")])
    assert (sums.numbers, free) == ([1.0], [False])


def test_a_scrape_tells_a_metric_of_what_other_workers_have_brought(tmp_path: Path) -> None:
    """So that it knows them before it is asked for a label set that nobody announced."""
    handle = HANDLES["dialogue_turns_total"]
    own, other = Worker(tmp_path), Worker(tmp_path)
    inherited: list[Any] = []

    class Heir:
        def look_by(self, _: object) -> None: ...

        def inherit(self, attributes: Any) -> None:
            inherited.append(attributes)

    inheritance = Inheritance(own, "reviewlens", {handle.metric.name: Heir()})
    what = TEA._replace(name=handle.metric.name)
    for cells in (own.cells, other.cells):
        cells.cell(key_of(what, {"category": str(id(cells))}), 1)
    Scraped("reviewlens", {}, own.cells, worker=own).render(openmetrics=False)
    assert inherited == [{"category": str(id(other.cells))}]
    inheritance.close()


def test_a_file_that_is_none_keeps_no_scrape_waiting(tmp_path: Path) -> None:
    """Opening a FIFO waits for a writer; it is an error of that file."""
    os.mkfifo(tmp_path / "0.cells")
    file = CellFile(tmp_path / "0.cells")
    file.refresh()
    assert str(file.error) == "no regular file"
