"""A store, and files to import into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.imports import NOISY, QUIET, REVIEWS, write
from support.review_files import FACTORS, QUESTIONS

from app.database import Database
from app.reviews.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty store."""
    return Repository(Database(tmp_path / "state" / "reviewlens.db"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A factors, a questions and a reviews file."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "questions.csv").write_text(QUESTIONS)
    (folder / "z_factors.csv").write_text(FACTORS)
    write(folder / REVIEWS, NOISY, QUIET)
    return folder
