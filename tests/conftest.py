"""Fixtures for every test, and the order: what needs a program that is built goes last."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from support.interrupts import let_children_hear
from support.laws import register_profiles
from support.needs import AuditGuard, mark

from app.database import Database
from app.reviews.bootstrap import load_samples
from app.reviews.repository import Repository
from app.settings import DATABASE
from scripts import releases
from scripts.stack.binaries import obtain
from scripts.stack.errors import UnavailableError
from telemetry import logs
from telemetry.guard import guard
from telemetry.testing import Recorded, recording, strictness

BUILDS: dict[tuple[str, ...], tuple[Callable[[], object], ...]] = {
    (): (partial(obtain, "otelcol"), partial(obtain, "prometheus", "3.12")),
    **{(age,): (partial(releases.python, age),) for age in releases.AGES},
}
"""By what a test's marker names: built() stands for programs, built("oldest") and built("newest")
for the packages of that age."""

ATTACK = "tests/attack/"
GUARD = AuditGuard()
register_profiles()
let_children_hear()


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test has its markers. A build that goes on in the background is done by the end."""
    for item in items:
        if isinstance(item, pytest.Function):
            mark(item)
    items.sort(key=lambda item: item.get_closest_marker("built") is not None)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A build is waited for outside a test's time limit; what cannot be had is told by the test itself."""
    if built := item.get_closest_marker("built"):
        with suppress(UnavailableError):
            for build in BUILDS[built.args]:
                build()
    with GUARD.over({marker.name for marker in item.iter_markers()}):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many cases of tests/attack were tried, and how many fell."""
    outcomes = {name: terminalreporter.getreports(name) for name in ("passed", "failed", "error")}
    tried = {name: sum(ATTACK in one.nodeid for one in reports) for name, reports in outcomes.items()}
    if total := sum(tried.values()):
        terminalreporter.write_line(f"attack cases tried: {total}, failures: {total - tried['passed']}")


@pytest.fixture(autouse=True)
def _own_needs() -> Iterator[None]:
    """A test without needs does nothing that takes one."""
    yield
    GUARD.check()


@pytest.fixture(autouse=True)
def _own_faults() -> Iterator[None]:
    """A fault raises, and one that no pipeline has counted yet is not counted by the next test's."""
    with strictness():
        yield
    guard._due.clear()


@pytest.fixture(autouse=True)
def _own_spells() -> None:
    """A line that an earlier test has logged is no reason to leave this test's out."""
    for name in logs.REPEATING:
        logging.getLogger(name).removeFilter(logs.once_per_spell)


@pytest.fixture
def metrics() -> Iterator[Recorded]:
    """A pipeline of the test's own, and what was recorded in it."""
    with recording() as recorded:
        yield recorded


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample catalogue, imported once for all tests; copy it, do not write to it."""
    path = tmp_path_factory.mktemp("samples") / DATABASE
    database = Database(path)
    load_samples(Repository(database))
    database.close()
    return path


@pytest.fixture
def state_dir(tmp_path: Path, sample_store: Path) -> Path:
    """A state folder of the test's own, with the sample catalogue in its store."""
    shutil.copy(sample_store, tmp_path / DATABASE)
    return tmp_path
