"""Fail-open: whatever breaks in telemetry, on the oldest and on the newest versions, no shopper notices.

Each row of support/fault_rows.py is switched on while requests run against a real uvicorn, and off again.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from support.fault_rows import AFTERWARDS, ONE, SEVERAL, FaultRow
from support.faulted import Faulted, faulted
from support.keptalive import RawAnswer
from support.servers import wait_for
from support.told import Numbers, counts, difference, told

from scripts.releases import AGES, pins, python

BOUND_SECONDS = 5.0
"""What a script of requests may take more than when all is well; a hang lasts for a minute."""
ROUNDS, SCRAPES = 2, 3
VERSIONS = [pytest.param(age, marks=pytest.mark.built(age)) for age in AGES]
"""The locked set lies between the two; all other tests run on it."""


@pytest.fixture(scope="module", params=VERSIONS)
def one(request: pytest.FixtureRequest) -> Iterator[Faulted]:
    """A server of one worker, which also pushes."""
    with faulted(request.param, 1) as running:
        yield running


@pytest.fixture(scope="module", params=VERSIONS)
def several(request: pytest.FixtureRequest) -> Iterator[Faulted]:
    """A server of two workers, whose files are on a small disk."""
    with faulted(request.param, 2) as running:
        yield running


@pytest.mark.parametrize("row", ONE, ids=lambda row: f"{row.what}, {row.how}")
def test_a_fault_in_one_worker(row: FaultRow, one: Faulted) -> None:
    """Recording, exporting, rendering; and what was recorded arrives at the receiver afterwards."""
    _fault(one, row)
    wait_for("a push of what /metrics tells", lambda: _pushed(one) == _requests(one.numbers()))


@pytest.mark.parametrize("row", SEVERAL, ids=lambda row: f"{row.what}, {row.how}")
def test_a_fault_in_several_workers(row: FaultRow, several: Faulted) -> None:
    """Recording into files, reading those of others, adding up."""
    _fault(several, row)


def _fault(running: Faulted, row: FaultRow) -> None:
    try:
        _walk(running, row)
    except BaseException:
        running.connect()  # the next row is not to suffer from this one
        raise


def _walk(running: Faulted, row: FaultRow) -> None:
    running.calm()
    before, faults, logged = running.numbers(), running.faults(), len(running.log())
    with ThreadPoolExecutor(1) as beside:
        amid = beside.submit(running.play, crash=row.has_handles)  # some are under way when it begins
        running.on(row)
        try:
            _answered(running, *amid.result(20))
            pages = beside.submit(lambda: [running.scrape() for _ in range(SCRAPES)])
            _played(running, row)
            _scraped(pages, row)
            wait_for("the fault to be met; is its name still right?", lambda: running.met(row))
            wait_for(f"the log to say {row.lines}", lambda: _says(running.log()[logged:], row, AFTERWARDS))
        finally:
            met = running.off()
        assert met
        assert {page.status for page in pages.result(20)} == {row.scrape or 200}
    wait_for(f"the log to say {row.lines}", lambda: _says(running.log()[logged:], row))
    after = running.numbers()
    counted = running.faults() - faults
    assert set(counted) == set(row.counted)
    each = running.each if row.has_handles else running.without_crash
    _within(difference(after, before), each, 0 if row.exact else counted.total())

    # Where there is no room, each worker counts in memory on, and tells that itself.
    assert all(told_by_itself == filled for filled, told_by_itself in running.filled())

    running.play()
    assert difference(running.numbers(), after) == running.each, "recording has not resumed"
    assert running.faults() - faults == counted
    assert _says(running.log()[logged:], row)


def _says(log: str, row: FaultRow, yet: str = "") -> bool:
    """Whether every line is there that is expected, but one of them that may come yet. AssertionError for
    one that is not expected, or twice from one process."""
    lines = []
    for process, text in told(log):
        fits = next((line for line in row.lines if re.search(line, text)), None)
        assert fits, f"unexpected: {text}"
        assert (process, fits) not in lines, f"more than once in a spell: {text}"
        lines.append((process, fits))
    return {fits for _, fits in lines} | {yet} >= set(row.lines)


def _played(running: Faulted, row: FaultRow) -> None:
    """Ask while the fault is there."""
    if row.first:
        running.ask(row.first)
    if row.how == "no room":
        running.fill()
    for _ in range(ROUNDS - 1):
        _answered(running, *running.play(crash=row.has_handles))


def _answered(running: Faulted, answers: list[RawAnswer], seconds: float) -> None:
    """As when all is well, and not much later."""
    assert answers == running.normal[: len(answers)]
    assert seconds < running.normal_seconds + BOUND_SECONDS


def _scraped(pages: Future[list[RawAnswer]], row: FaultRow) -> None:
    if row.scrape is None:
        assert not pages.done(), "the scrape did not wait for what hangs"
    else:
        pages.result(20)


def _within(gained: Numbers, each: Numbers, may_lack: float) -> None:
    """Nothing negative, nothing twice; what is missing of a metric was counted as a fault."""
    lacking: dict[str, float] = {}
    for key in {*gained, *each}:
        lack = ROUNDS * each[key] - gained[key]
        assert 0 <= lack <= ROUNDS * each[key], (key, gained[key], each[key])
        lacking[key[0]] = lacking.get(key[0], 0) + lack
    assert max(lacking.values()) <= may_lack, (lacking, may_lack)


def _requests(numbers: Numbers) -> float:
    return sum(
        value for (name, labels), value in numbers.items() if name == "http_requests_total" and counts(labels)
    )


def _pushed(running: Faulted) -> float:
    assert running.sink
    told = running.sink.series("http_requests_total")
    return sum(value for labels, value in told.items() if counts(labels))


def installed(age: str) -> tuple[dict[str, str], list[Requirement]]:
    """The versions of what is pinned for an age, as its Python has them; what its FastAPI asks for."""
    ask = "from importlib.metadata import requires, version; import sys; n = sys.argv[1:]; "
    ask += "print(*map(version, n)); print(*requires('fastapi'), sep='\\n')"
    pinned = pins(AGES[age])
    asked = [str(python(age)), "-c", ask, *pinned]
    versions, *needs = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(zip(pinned, versions.split(), strict=True)), [Requirement(text) for text in needs]


@pytest.mark.parametrize("age", VERSIONS)
def test_a_set_is_what_it_says(age: str) -> None:
    """Installed is what is pinned."""
    assert installed(age)[0] == pins(AGES[age])


@pytest.mark.built("oldest")
def test_the_oldest_starlette_is_the_oldest_that_its_fastapi_takes() -> None:
    """So a Starlette below it is nobody's."""
    (starlette,) = [need for need in installed("oldest")[1] if need.name == "starlette"]
    (oldest,) = [Version(one.version) for one in starlette.specifier if one.operator == ">="]
    assert oldest == Version(pins(AGES["oldest"])["starlette"])
