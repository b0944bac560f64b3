"""`make bench` as a command: what it prints, what it keeps, and with which code it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import turn
from benchmarks.part import LeftOutError, Part, Turn


@contextmanager
def good() -> Iterator[Turn]:
    yield lambda: 2.5


@contextmanager
def bad() -> Iterator[Turn]:
    raise LeftOutError("there is no such program")
    yield


def run(monkeypatch: pytest.MonkeyPatch, page: Path, part: Part, *arguments: str) -> int:
    monkeypatch.setattr(command, "PARTS", {part.name: part})
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--rounds", "2", *arguments])
    return command.main()


def test_the_page_is_kept_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Versions and machine, what was promised, then each part; progress goes to stderr."""
    page = tmp_path / "benchmarks.md"
    part = Part("turn", "A turn", "ms", "How.", {turn.ROW: good, turn.LOOK: good})
    assert run(monkeypatch, page, part) == 0
    assert not page.exists()
    assert run(monkeypatch, page, part, "--write") == 0
    text = page.read_text(encoding="utf-8")
    assert "Ratios carry to other machines; figures do not." in text
    assert text.index("fastapi ") < text.index("## Targets") < text.index("## A turn")
    assert f"| A turn | {turn.ROW} | at most 4 of {turn.LOOK} | 1 | yes |" in text
    assert "1/1 turn: round 2 of 2\n" in capsys.readouterr().err


def test_a_part_that_cannot_be_measured_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others go on, and the reason stands in its place."""
    part = Part("turn", "A turn", "ms", "How.", {turn.ROW: bad})
    assert run(monkeypatch, tmp_path / "page", part) == 1
    assert "- All left out: there is no such program" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rounds", "0"], "'0': expected a number of 1 or more"),
        (["--only", "speed"], "invalid choice: 'speed' (choose from"),
        (["--only", "turn", "--write"], "--write keeps the whole page; leave out --only"),
    ],
)
def test_a_wrong_word_says_what_was_expected(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
