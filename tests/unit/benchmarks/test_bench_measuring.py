"""Contenders take turns; each is a process of its own, and one that fails is told by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.servers import wait_for

from benchmarks import stall, wrk
from benchmarks.contenders import BARE, OURS
from benchmarks.filling import LINES
from benchmarks.fresh import fresh
from benchmarks.part import Contender, LeftOutError, Part, Turn, measure
from benchmarks.serving import served
from benchmarks.standing import stand
from benchmarks.starting import OWN


def told_by(*names: str) -> tuple[dict[str, Contender], list[str]]:
    """Contenders that tell their turns; a figure is how much was told by then."""
    told: list[str] = []

    def contender(name: str) -> Contender:
        def turn() -> float:
            told.append(name)
            return float(len(told))

        @contextmanager
        def ready() -> Iterator[Turn]:
            told.append(f"{name} ready")
            yield turn
            told.append(f"{name} ends")

        return ready

    return {name: contender(name) for name in names}, told


def test_contenders_take_turns_and_the_first_turn_warms_up() -> None:
    """All are ready before one is driven, and every other round goes backwards."""
    contenders, told = told_by("a", "b")
    said: list[str] = []
    figures = measure(Part("x", "X", "ms", "", contenders), ["a", "b"], 2, said.append)
    assert told == ["a ready", "b ready", "a", "b", "b", "a", "a", "b", "b ends", "a ends"]
    assert figures == {"a": [6.0, 7.0], "b": [5.0, 8.0]}
    assert said == ["getting ready", "warming up", "round 1 of 2", "round 2 of 2"]


def test_of_several_turns_a_round_the_best_counts() -> None:
    """They are taken in turns too."""
    for best, of_each in ((max, [10.0, 9.0]), (min, [7.0, 8.0])):
        contenders, told = told_by("a", "b")
        part = Part("x", "X", "1/s", "", contenders, tries=2, best=best)
        figures = measure(part, ["a", "b"], 1, print)
        assert told[2:-2] == ["a", "b", "b", "a"] * 2
        assert [*figures["a"], *figures["b"]] == of_each


def test_contenders_may_be_anew_for_each_round() -> None:
    """Those of a round have ended before the next are made ready."""
    contenders, told = told_by("a", "b")
    figures = measure(Part("x", "X", "1/s", "", contenders, anew=True), ["a", "b"], 2, print)
    ready, ended = ["a ready", "b ready"], ["b ends", "a ends"]
    assert told == [*ready, "a", "b", *ended, *ready, "b", "a", *ended]
    assert figures == {"a": [3.0, 10.0], "b": [4.0, 9.0]}


@pytest.mark.process
def test_a_standing_contender_answers_each_turn() -> None:
    """The real process: nothing oversleeps by a second where nobody scrapes, and time is never negative."""
    with stand(stall.__name__, "nobody scrapes") as turn:
        assert all(0 <= turn() < 1_000 for _ in range(2))


@pytest.mark.process
def test_a_contender_that_ends_is_told_by_name() -> None:
    """Its own words are on stderr; the part says who it was, and the others go on."""
    with (
        pytest.raises(LeftOutError, match="no such one ended with code 1"),
        stand(stall.__name__, "no such one") as turn,
    ):
        turn()


@pytest.mark.process
def test_a_fresh_contender_is_a_new_process_each_turn() -> None:
    """An import takes time at the second turn too."""
    with fresh("benchmarks.starting", {OWN: float})[OWN]() as turn:
        assert all(turn() > 1 for _ in range(2))


@pytest.mark.server
def test_a_served_contender_answers_and_has_as_many_lines_as_asked() -> None:
    """What is scraped under load is as large as the page says, and what is driven is answered."""
    with served(OURS, label_sets=1_000) as url:
        assert httpx.get(url, trust_env=False).json() == {"item": 7, "part": "wheel"}
        text = httpx.get(httpx.URL(url).join("/metrics"), trust_env=False).text
    assert text.count("http_request_duration_seconds") >= 1_000 * LINES
    assert 'endpoint="(other)"' not in text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (BARE, '"GET /items/7/parts/wheel HTTP/1.1" 200 OK'),
        (OURS, "GET /items/{item}/parts/{part} - 200 - "),
    ],
)
@pytest.mark.server
def test_a_request_is_one_line_of_the_access_log(tmp_path: Path, name: str, line: str) -> None:
    """The server's or ours; two would be measured as one that costs twice as much."""
    told = tmp_path / "told"
    with told.open("w") as lines, served(name, access_log=True, lines=lines) as url:
        httpx.get(url, trust_env=False)
        wait_for("the line", lambda: line in told.read_text())
    assert told.read_text().count("GET /items") == 1


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        ("  Non-2xx or 3xx responses: 12", "Non-2xx or 3xx responses: 12"),
        ("  Socket errors: connect 0, read 3, write 0, timeout 0", "Socket errors: connect 0, read 3"),
    ],
)
@pytest.mark.process
def test_a_server_that_fails_is_no_figure(
    said: str, failed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Errors are answered faster than requests: a rate of them would be a lie."""
    fake = tmp_path / "wrk"
    fake.write_text(f"#!/bin/sh\necho 'Requests/sec:  9000.00'\necho '{said}'\n")
    fake.chmod(0o755)
    monkeypatch.setattr(wrk, "_program", lambda: fake)
    with pytest.raises(LeftOutError, match=failed):
        wrk.rate("http://127.0.0.1:1/", 1, 1)
