"""Imports from a watched folder, where the store or a file fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from support.imports import QUIET, REVIEWS, write

from app.reviews import command
from app.reviews.files import Contents, look_all
from app.reviews.repository import Repository

Take = Callable[[Sequence[Path]], object]


def watch(repository: Repository, monkeypatch: pytest.MonkeyPatch, changes: Callable[[Take], object]) -> None:
    """Watch a folder in which these changes happen."""

    def follow(folder: Path, stop: threading.Event, take: Take) -> None:
        changes(take)

    monkeypatch.setattr("app.reviews.watch.follow", follow)
    command._watch(repository, Path(), None, False, Console(stderr=True))


def test_files_that_met_a_full_disk_come_with_the_next_ones(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though they themselves do not change any more."""
    connection = repository.database.connection
    other = write(folder / "reviews_other_chair.json", {**QUIET, "review_id": "3"})

    def changes(take: Take) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        take(
            [folder / "z_factors.csv", folder / REVIEWS, *[folder / f"reviews_{n}_chair.json" for n in many]]
        )
        connection.execute("PRAGMA max_page_count = 1000000")
        take([other])

    many = range(20)
    for number in many:
        rows = ({**QUIET, "review_id": f"{number} {each}", "text": "글 " * 100} for each in range(20))
        write(folder / f"reviews_{number}_chair.json", *rows)
    watch(repository, monkeypatch, changes)
    assert "is full" in capsys.readouterr().err
    assert repository.corpus("chair").review_count == 403


def test_a_file_that_vanishes_keeps_no_other_from_being_taken(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No change comes of that which would have the others tried again."""
    gone = write(folder / "reviews_gone_chair.json", {**QUIET, "review_id": "3"})

    def looked(paths: Sequence[Path]) -> list[Contents]:
        found = look_all(paths)
        gone.unlink(missing_ok=True)
        return found

    monkeypatch.setattr("app.reviews.ingest.look_all", looked)
    watch(repository, monkeypatch, lambda take: take(sorted(folder.iterdir())))
    assert repository.corpus("chair").review_count == 2
    assert f"{gone}:1: file not taken: cannot be read" in capsys.readouterr().out
