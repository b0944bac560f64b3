"""Folders of boards: what is read, and what is said of a file that cannot be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.looked import board, write

from telemetry.look.boards import Folders
from telemetry.settings import SettingsError


def refused(*folders: Path) -> str:
    with pytest.raises(SettingsError) as error:
        Folders(folders).check()
    return str(error.value)


def test_boards_of_every_folder_are_listed_by_title(tmp_path: Path) -> None:
    """As they stand: nothing of the JSON is lost on the way."""
    first = write(tmp_path / "a", board("z", "up", title="b", tags=["x"]))
    second = write(tmp_path / "b", board("y", "up", title="a", unknown={"kept": 1.0}))
    read = Folders([first, second]).check()
    assert read.listing() == {
        "boards": [
            {"uid": "y", "title": "a", "tags": [], "file": "y.json"},
            {"uid": "z", "title": "b", "tags": ["x"], "file": "z.json"},
        ],
        "problems": [],
    }
    assert read.boards["y"].text == (second / "y.json").read_bytes()


def test_other_projects_export_without_uid_or_through_the_api(tmp_path: Path) -> None:
    """The file's name then is the uid; Grafana's API wraps a board."""
    write(tmp_path, board("kept"))
    (tmp_path / "bare.json").write_text(json.dumps({"panels": [], "title": None, "uid": None}))
    (tmp_path / "old.json").write_text(json.dumps({"rows": []}))
    (tmp_path / "api.json").write_text(json.dumps({"meta": {}, "dashboard": board("inner")}))
    read = Folders([tmp_path]).check()
    assert sorted(read.boards) == ["bare", "inner", "kept", "old"]
    assert json.loads(read.boards["inner"].text) == board("inner")


def test_a_change_is_seen_at_the_next_request(tmp_path: Path) -> None:
    """A fault that is made while it runs takes its own board away, and no other."""
    folders = Folders([write(tmp_path, board("a"), board("b"))])
    folders.check()
    (tmp_path / "a.json").write_text('{"panels": [')
    write(tmp_path, board("c"))
    read = folders.read()
    assert sorted(read.boards) == ["b", "c"]
    assert read.listing()["problems"] == [
        {"file": "a.json", "reason": "not JSON: Expecting value, line 1 column 13"}
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON: Expecting value, line 1 column 1"),
        ("<html>", "not JSON: Expecting value, line 1 column 1"),
        ('{"panels": [NaN]}', "not JSON: NaN is no number of JSON"),
        ("[" * 100_000, "not JSON: maximum recursion depth"),
        ("[]", "no dashboard; expected an object with `panels`"),
        ('{"kind": "Dashboard", "spec": {}}', "no dashboard; expected an object with `panels`"),
    ],
)
def test_a_file_that_is_no_dashboard_ends_the_start(tmp_path: Path, text: str, why: str) -> None:
    """The file and the place in it are named."""
    write(tmp_path, board("a"))
    (tmp_path / "bad.json").write_text(text)
    said = refused(tmp_path)
    assert said.startswith(f"--dashboards: {tmp_path / 'bad.json'}: {why}")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe\xfa{}")
    assert f"{tmp_path / 'bad.json'}: not JSON" in refused(tmp_path)


def test_two_boards_with_one_uid_end_the_start(tmp_path: Path) -> None:
    """Both files are named: links would lead to one of them only."""
    write(tmp_path, board("same"))
    (tmp_path / "zz.json").write_text(json.dumps(board("same")))
    assert refused(tmp_path) == (
        f"--dashboards: {tmp_path / 'zz.json'}: its uid 'same' is that of same.json too; "
        "expected one of its own"
    )


def test_folders_that_hold_none_end_the_start(tmp_path: Path) -> None:
    """Missing, a file, or empty."""
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    assert "there is no such folder; expected a folder with *.json" in refused(tmp_path / "missing")
    assert "it is no folder; expected a folder with *.json" in refused(tmp_path / "file")
    assert "no *.json in it; expected Grafana's dashboards" in refused(tmp_path / "empty")
    assert refused() == "--dashboards is missing: expected a folder with Grafana's dashboards"


def test_a_board_that_is_no_file_is_named(tmp_path: Path) -> None:
    """Reading a FIFO would wait for a writer."""
    write(tmp_path, board("a"))
    os.mkfifo(tmp_path / "bad.json")
    assert f"{tmp_path / 'bad.json'}: no regular file; expected Grafana's classic JSON" in refused(tmp_path)
