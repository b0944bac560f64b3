"""The LLM simulator, running, for the tests of whole pipelines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.llm.simulator.testing import RunningSimulator, running_simulator


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    """One simulator for all tests of a file; ask for `simulator`."""
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    """The simulator with an empty ledger, every provider well."""
    running.reset()
    return running
