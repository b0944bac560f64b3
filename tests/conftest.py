"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telemetry.testing import Recorded, recording


@pytest.fixture
def metrics() -> Iterator[Recorded]:
    """A pipeline of the test's own, and what was recorded in it."""
    with recording() as recorded:
        yield recorded
