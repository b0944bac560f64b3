"""Children while other threads connect them, wire them anew, or let them go: no value is lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from telemetry.metrics import dialogue_turns_total, evidence_count
from telemetry.record.children import Child, CounterChild, HistogramChild
from telemetry.testing import Recorded

AnyChild = CounterChild | HistogramChild
CHILDREN: dict[str, tuple[Any, Callable[[Any, float], None], Callable[..., float]]] = {
    "a counter": (dialogue_turns_total, CounterChild.inc, Recorded.value),
    "a histogram": (evidence_count, HistogramChild.observe, Recorded.count),
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_two_threads_that_bring_a_label_set_lose_no_value(
    metrics: Recorded, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The other connects the child just after this one has seen that it is not; nothing is a fault of it."""
    handle, record, told = CHILDREN[kind]
    unconnected = Child._unconnected

    def overtaken(child: AnyChild, *given: Any) -> None:
        child.connect()
        unconnected(child, *given)

    monkeypatch.setattr(Child, "_unconnected", overtaken)
    record(handle.labels(category="chair"), 1.0)
    assert told(metrics, handle.metric.name, category="chair") == 1


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_that_lets_go_amid_a_recording_loses_no_value(metrics: Recorded, kind: str) -> None:
    """As when another thread starts a pipeline, or ends one; and the lock is free after it."""
    handle, record, told = CHILDREN[kind]
    child: Any = handle.labels(category="chair")
    child.connect()
    take = child._take
    child._take = lambda: (take(), child.disconnect())
    record(child, 1.0)
    with ThreadPoolExecutor(1) as other:
        other.submit(record, child, 1.0).result(timeout=10)
    assert told(metrics, handle.metric.name, category="chair") == 2


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_that_is_wired_while_it_connects_writes_where_it_is_wired_to(
    metrics: Recorded, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Not for ever where nobody reads any more."""
    handle, record, _ = CHILDREN[kind]
    before, got, locate = handle.instrument, [], handle.locate

    class Instrument:
        def add(self, amount: float, attributes: Any = None) -> None:
            got.append(amount)

        record = add

    def overtaken(*given: Any) -> Any:
        found = locate(*given)
        handle.instrument = Instrument()
        return found

    monkeypatch.setattr(handle, "locate", overtaken)
    record(handle.labels(category="chair"), 1.0)
    record(handle.labels(category="chair"), 1.0)
    handle.instrument = before
    assert got == [1.0, 1.0]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
@pytest.mark.slow
def test_threads_that_bring_many_label_sets_at_the_same_moments_lose_nothing(metrics: Recorded) -> None:
    """Eight threads, 200 label sets; some value was lost at some of them before."""
    together = threading.Barrier(8, timeout=10)

    def work() -> None:
        for number in range(200):
            together.wait()
            dialogue_turns_total.labels(category=f"c{number}").inc()
            evidence_count.labels(category=f"c{number}").observe(3)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()
    assert set(metrics.series("dialogue_turns_total").values()) == {8.0}
    assert sum(metrics.count("evidence_count", category=f"c{number}") for number in range(200)) == 1_600
