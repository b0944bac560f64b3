"""The sums over all workers: the same whoever adds, whatever came when."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, generate_latest

from telemetry.scrape.page import Scraped
from telemetry.scrape.sums_of_cells import AT_ONCE, SumsOfCells, fitted
from telemetry.sdk.aggregation import CellStorage
from telemetry.sdk.readers import GroupReader
from telemetry.store.cells import Cells
from telemetry.store.exemplars import WORDS, Exemplars
from telemetry.store.key import InstrumentKey, key_of, scope_of
from telemetry.workers.worker import Worker

SCOPE = scope_of(InstrumentationScope("reviewlens"))
SECONDS = InstrumentKey(SCOPE, "seconds", "s", "", (1.0,))
TEA = InstrumentKey(SCOPE, "tea_total", "", "cups")
AMOUNTS = (0.1, 0.2, 0.3)  # what they add up to depends on the order


def scraped(worker: Worker) -> Scraped:
    return Scraped("reviewlens", {}, worker.cells, worker=worker)


def page(worker: Worker) -> str:
    return b"".join(scraped(worker).render(openmetrics=False)).decode()


def test_every_worker_tells_the_same_sum_to_the_last_digit(tmp_path: Path) -> None:
    """A sum that differs by a rounding seems to fall, which Prometheus takes for a restart."""
    workers = [Worker(tmp_path) for _ in AMOUNTS]
    for worker, amount in zip(workers, AMOUNTS, strict=True):
        worker.cells.cell(key_of(SECONDS, {}), 3).add_two(0, 1, 2, amount)
    pages = {page(worker) for worker in workers}
    assert len(pages) == 1
    assert "seconds_sum 0.6000000000000001\n" in pages.pop()


def test_so_it_is_with_other_peoples_instruments(tmp_path: Path) -> None:
    for order in permutations(AMOUNTS):
        folder = tmp_path / str(order)
        workers, pages = [Worker(folder) for _ in order], set()
        for worker, amount in zip(workers, order, strict=True):
            registry = CollectorRegistry()
            reader: PrometheusMetricReader = GroupReader(worker, scraped(worker), registry)
            other = MeterProvider([reader], shutdown_on_exit=False).get_meter("other")
            other.create_histogram("pour", "s", explicit_bucket_boundaries_advisory=[1.0]).record(amount)
            other.create_counter("cups").add(amount)
            worker.registry = registry  # type: ignore[attr-defined]
        for worker in workers:
            pages.add(generate_latest(worker.registry).decode())  # type: ignore[attr-defined]
        assert len(pages) == 1
        assert "cups_total 0.6\n" in pages.pop()


def test_series_of_different_workers_in_any_order_are_put_together(tmp_path: Path) -> None:
    """New ones come all the time, here and there, and each is told once."""
    workers, totals = [Worker(tmp_path) for _ in range(3)], SumsOfCells(lambda _: True, {})
    own = workers[1]
    expected: dict[bytes, float] = {}
    for step in range(60):
        worker = workers[step * 7 % 3]
        key = key_of(TEA, {"a": str(step * 11 % 17)})
        worker.cells.cell(key, 1).add(0, step)
        expected[key] = expected.get(key, 0) + step
        _, sums, broken = totals.add_up(own.stores())
        assert {
            key_of(s.what, {"a": s.attributes.decode()[7:-2]}): sums[s.start] for s in totals.series
        } == expected
        assert broken == 0


class Growing(Cells):
    """Another thread brings a series whenever the numbers have just been read, or are about to be."""

    def __init__(self, length: int = 1) -> None:
        super().__init__()
        self.length, self.grown = length, 0

    def numbers(self) -> Iterator[list[float]]:
        self.grow()
        for page in list(super().numbers()):
            self.grow()
            yield page

    def grow(self) -> None:
        self.grown += 1
        self.cell(key_of(TEA, {"a": "x" * 80_000, "number": self.grown}), self.length).add(0, self.grown)


def test_others_have_their_turn_while_much_is_added_up() -> None:
    """Amid the reading of pages, and amid adding: one call into C with all of it would stop every thread."""
    cells, rests, many = Cells(), list[float](), 2 * AT_ONCE
    for at in range(many):
        cells.cell(key_of(TEA, {"a": str(at)}), 1).add(0, at)
    totals = SumsOfCells(lambda _: True, {}, rests.append)
    sums = totals.add_up([cells]).numbers
    assert sums == [float(at) for at in range(many)]
    assert len(list(cells.numbers())) > 2
    assert 3 <= len(rests) <= 4


def test_series_that_come_amid_a_scrape_disturb_no_other() -> None:
    """They are in the next; also where they begin a page."""
    cells, totals = Growing(), SumsOfCells(lambda _: True, {})
    for _ in range(12):
        before = cells.grown
        _, sums, broken = totals.add_up([cells])
        assert sums == [float(number) for number in range(1, before + 1)]
        assert broken == 0


def test_exemplars_that_come_amid_a_scrape_disturb_none() -> None:
    numbers, cells = Cells(), Growing(WORDS)
    for number in range(1, 20):
        numbers.cell(key_of(TEA, {"a": "x" * 80_000, "number": number}), 1)
    scraped = Scraped("reviewlens", {}, numbers, Exemplars(cells, lambda: None))
    for _ in range(6):
        assert b"".join(scraped.render(openmetrics=True)).count(b"\ntea_total{") == 19


def test_a_file_that_another_stands_in_place_of_is_followed(tmp_path: Path) -> None:
    """A worker put a broken one out of the way: what the old one had is forgotten."""
    own, path = Worker(tmp_path), tmp_path / "1.cells"
    totals, key = SumsOfCells(lambda _: True, {}), key_of(TEA, {})
    for amount in (5, 2):
        path.unlink(missing_ok=True)
        Cells(os.open(path, os.O_RDWR | os.O_CREAT)).cell(key, 1).add(0, amount)
        assert totals.add_up(own.stores()).numbers == [amount]
    path.unlink()
    assert totals.add_up(own.stores()).numbers == [0]


def test_a_worker_of_another_release_is_shown_in_todays_buckets_and_words(tmp_path: Path) -> None:
    known = InstrumentKey(SCOPE, "seconds", "s", "new words", (2.0, 5.0))
    own, other = Worker(tmp_path), Worker(tmp_path)
    own.cells.cell(key_of(known, {}), 4).add_two(0, 1, 3, 1.0)
    old = other.cells.cell(key_of(InstrumentKey(SCOPE, "seconds", "s", "old words", (1.0, 2.0, 4.0)), {}), 5)
    for at, amount in enumerate((1, 2, 4, 8, 99.5)):
        old.add(at, amount)
    for worker in (own, other):
        shown = Scraped("reviewlens", {"seconds": known}, worker.cells, worker=worker)
        assert b"".join(shown.render(openmetrics=False)).decode() == (
            "# HELP seconds new words\n"
            "# TYPE seconds histogram\n"
            'seconds_bucket{le="2.0"} 4.0\n'
            'seconds_bucket{le="5.0"} 8.0\n'
            'seconds_bucket{le="+Inf"} 16.0\n'
            "seconds_count 16.0\n"
            "seconds_sum 100.5\n"
        )


def test_a_predecessors_file_goes_on_under_any_number(tmp_path: Path) -> None:
    """Ten and more workers: their order is that of numbers, not of names."""
    workers = [Worker(tmp_path) for _ in range(12)]
    assert [store is worker.cells for worker in workers for store in worker.stores()].count(True) == 12
    for at, worker in enumerate(workers):
        assert worker.stores()[at] is worker.cells
    file = workers[11]._file
    assert file is not None
    fcntl.flock(file, fcntl.LOCK_UN)
    assert Worker(tmp_path).number == 11


def test_fitting_keeps_count_and_sum() -> None:
    numbers: Any = [1.0, 2.0, 4.0, 0.5]
    assert fitted(numbers, (1.0, 2.0), (1.0, 2.0)) is numbers
    assert fitted(numbers, (1.0, 2.0), (1.5,)) == [1.0, 6.0, 0.5]


def test_cell_storage_says_how_many_by_itself() -> None:
    assert CellStorage(Cells()).limit == 2_000
