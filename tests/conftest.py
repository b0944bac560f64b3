"""Fixtures for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import Database
from app.reviews.bootstrap import load_samples
from app.reviews.repository import Repository
from app.settings import DATABASE
from telemetry.testing import Recorded, recording


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
