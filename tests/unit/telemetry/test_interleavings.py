"""Whatever the order of two threads, no value is lost: every order is tried that one preemption can give, or
two where the code is short. The faults that these orders once had are put back, and found each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from support.interleavings import CooperativeLock, Race, cooperative_locks, failures

from telemetry.metrics import dialogue_turns_total, evidence_count
from telemetry.record.children import Child, CounterWithHistogram
from telemetry.store.cells import Cells
from telemetry.store.exemplars import Exemplars
from telemetry.store.reader import read
from telemetry.testing import recording
from telemetry.workers.membership import Membership
from telemetry.workers.worker import Worker

Make = Callable[[], Race]
HANDLES: tuple[Any, ...] = (dialogue_turns_total, evidence_count)
KEYS = count()


@pytest.fixture(autouse=True)
def _orderly() -> Iterator[None]:
    """A pipeline whose locks let the other thread go on."""
    with ExitStack() as stack:
        stack.enter_context(cooperative_locks())
        for handle in HANDLES:
            stack.enter_context(mock.patch.object(handle, "_lock", CooperativeLock()))
            stack.enter_context(mock.patch.object(handle._limit, "_lock", CooperativeLock()))
        stack.enter_context(recording())
        yield


def child_of(handle: Any, category: str = "") -> tuple[Callable[[], Any], Callable[[], list[float]]]:
    """What gives the child of a label set, a new one unless it is named, and what its cell has gained."""
    handle.forget()
    labels = {"category": category or f"c{next(KEYS)}"}

    def kept() -> list[float]:
        numbers: list[float] = handle.locate(handle.record, labels).cell.read()
        return numbers

    before = kept() if category else repeat(0.0)
    return lambda: handle.labels(**labels), lambda: [now - then for now, then in zip(kept(), before)]  # noqa: B905


def first_counts() -> Race:
    child, gained = child_of(dialogue_turns_total)
    return Race([lambda: child().inc()] * 2, gained, [2.0])


def first_values() -> Race:
    child, gained = child_of(evidence_count)
    return Race([lambda: child().observe(2)] * 2, lambda: (sum(gained()[:-1]), gained()[-1]), (2.0, 4.0))


def one_child() -> Race:
    child, gained = child_of(dialogue_turns_total)
    return Race([child().inc] * 2, gained, [2.0])


def a_child_lets_go() -> Race:
    child, gained = child_of(dialogue_turns_total, "chair")
    held = child()
    held.connect()
    return Race([held.inc, dialogue_turns_total.reconnect], gained, [1.0])


def a_pair_lets_go() -> Race:
    """Each lets go of its own, and the pair of both."""
    (counter, counted), (histogram, gained) = (child_of(handle, "chair") for handle in HANDLES)
    pair = CounterWithHistogram(counter(), histogram())
    pair.record(0)
    works: list[Callable[[], object]] = [partial(pair.record, 2), evidence_count.reconnect]
    return Race(works, lambda: (counted(), sum(gained()[:-1]), gained()[-1]), ([2.0], 2.0, 2.0))


def one_cell() -> Race:
    cells = Cells()
    return Race([lambda: cells.cell(b"k", 1).add(0, 1)] * 2, lambda: cells.cell(b"k", 1).read(), [2.0])


def one_claim() -> Race:
    """One of two that ask for a cell writes it."""
    cells, claims = Cells(), []
    works = [lambda: claims.append(cells.claim(b"k", 1, 9, b"more").writes)] * 2
    return Race(works, lambda: sorted(claims), [False, True])


def a_worker_joins() -> Race:
    """Two threads bring the first amounts of a process that does not count yet: it takes a number first."""
    folder = TemporaryDirectory(prefix="joins-")
    environ = {"REVIEWLENS_STATE_DIR": folder.name}
    worker = Worker()
    cell = worker.cells.cell(b"k", 1)
    member = Membership(worker, environ, lambda: None)
    member.rest()
    member._above = member._below()._replace(folder=Path(folder.name) / "group", first=0)

    def outcome() -> object:
        with folder:
            there = dict(read(Path(folder.name) / "group" / "0.cells"))
            worker.leave()
            return there

    return Race([partial(cell.add, 0, 1)] * 2, outcome, {b"k": [2.0]})


def one_exemplar() -> Race:
    """Who reads sees one that is whole, or the one before it."""
    exemplars = Exemplars(Cells(), lambda: (7, 8), lambda: 1.0)
    offer = exemplars.of(b"k", 1)
    offer(1.0, 0)
    seen: list[object] = []
    works = [lambda: offer(2.0, 0), lambda: seen.extend(one and one.value for one in exemplars.read(b"k", 1))]
    return Race(works, lambda: seen in ([1.0], [2.0]), True)


@pytest.mark.parametrize(
    ("scenario", "preemptions"),
    [
        (first_counts, 1),
        (first_values, 1),
        (one_child, 1),
        (a_child_lets_go, 2),
        (a_pair_lets_go, 2),
        (one_cell, 1),
        (one_claim, 1),
        (a_worker_joins, 1),
        (one_exemplar, 1),
    ],
)
def test_in_no_order_a_value_is_lost(scenario: Make, preemptions: int) -> None:
    assert [*failures(scenario, preemptions)] == []


def old_unconnected(child: Child, amount: float, record: Any, now: Any = Child._unconnected) -> None:
    """As it once was: where the child has numbers by now, the recording is taken for a fault."""
    if child._numbers is None:
        now(child, amount, record)


@pytest.mark.parametrize("scenario", [first_counts, first_values, one_child])
def test_the_lost_first_values_are_found_each_time(scenario: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same orders."""
    monkeypatch.setattr(Child, "_unconnected", old_unconnected)
    once, again = ([schedule for schedule, _ in failures(scenario)] for _ in range(2))
    assert once
    assert once == again


@pytest.mark.parametrize("scenario", [one_cell, a_worker_joins, one_exemplar])
def test_a_lock_that_is_left_out_is_found(scenario: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("__enter__", "__exit__"):
        monkeypatch.setattr(CooperativeLock, step, lambda *_: None)
    assert next(failures(scenario), None)
