"""For their owner alone, whatever the umask; what a user has made stays as it is."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry import private
from telemetry.workers.worker import Worker


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask, for the time of the test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_made_is_for_its_owner_alone(umask: int, tmp_path: Path) -> None:
    state = private.folder(tmp_path / "state")
    worker = Worker(private.private_folder(state / "group"))
    os.close(private.private_file(state / "file"))
    worker.exemplars()
    worker.serves = True
    assert worker.leads()
    assert (mode(state), mode(state / "group"), mode(state / "file")) == (0o700, 0o700, 0o600)
    assert {path.name: mode(path) for path in worker.home.iterdir()} == {
        "0.cells": 0o600,
        "0.exemplars": 0o600,
        "lead": 0o600,
    }


@pytest.mark.parametrize("given", [0o755, 0o775, 0o1777])
def test_a_folder_of_the_users_is_left_as_it_is_and_one_line_says_so(
    given: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(given)
    for _ in range(3):
        private.warn_of(private.folder(state))
    assert state.stat().st_mode & 0o7777 == given
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"{state} is open to other users (mode {given:04o})" in caplog.text


@pytest.mark.parametrize("given", [0o700, 0o750, 0o2770])
def test_a_closed_folder_needs_no_word(given: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A group's own too, as of a volume that pods share by fsGroup."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(given)
    private.warn_of(private.folder(tmp_path / "state"))
    assert caplog.records == []


def test_a_folder_of_our_own_that_an_earlier_release_left_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers").chmod(0o755)
    assert mode(private.private_folder(tmp_path / "workers")) == 0o700


def test_a_link_or_a_file_in_the_place_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PermissionError):
        private.private_folder(tmp_path / "link")
    with pytest.raises(NotADirectoryError):
        private.private_folder(tmp_path / "file")
    (tmp_path / "0.cells").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic links"):
        private.private_file(tmp_path / "0.cells")
    assert Worker(tmp_path).number == 1
    assert (tmp_path / "file").read_text() == "mine"
