"""CSV files with quotes that are never closed: what is lost is one row, and it is named."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.review_files import Whole, read

from app.reviews import csv_rows
from app.reviews.csv_rows import MAX_FIELD

HEADER = "review_id,rating,text,created_at"
UNCLOSED = 'a quote that is opened and never closed, expected one at the end of the field, "" within'


@pytest.fixture
def written(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Read the lines as a reviews file."""

    def read_written(*lines: str) -> Whole:
        path = tmp_path / "reviews_chair.csv"
        path.write_text("\n".join((HEADER, *lines)) + "\n")
        return read(path)

    return read_written


def taken(contents: Whole) -> list[tuple[int, str]]:
    """(line, text) of each review."""
    return [(row.line, row.value.text) for row in contents.rows]  # type: ignore[union-attr]


def reasons(contents: Whole) -> list[tuple[int, str]]:
    """(line, reason) of what was not taken."""
    return [(problem.line, problem.reason) for problem in contents.problems]


@pytest.mark.parametrize(
    "closing",
    ['3,5,"셋",2026-01-03', "3,5,셋,2026-01-03", '3,5,셋",2026-01-03', '3,5,"""셋""",2026-01-03'],
)
def test_a_quote_that_is_never_closed_costs_its_own_row(written, closing: str) -> None:  # type: ignore[no-untyped-def]
    """Wherever the next quote stands, or if there is none; it is no review with the next one's date."""
    contents = written("1,5,하나,2026-01-01", '2,1,"둘,2026-01-02', closing, "4,5,넷,2026-01-04")
    (_, first), (third, _), last = taken(contents)
    assert (first, third, last) == ("하나", 4, (5, "넷"))
    assert reasons(contents) == [(3, UNCLOSED)]


def test_a_bad_row_behind_an_unclosed_quote_is_named_too(written) -> None:  # type: ignore[no-untyped-def]
    """It is still known as a row."""
    contents = written('1,5,"하나,2026-01-01', '2,9,"둘",2026-01-02', "3,5,셋,2026-01-03")
    assert taken(contents) == [(4, "셋")]
    assert reasons(contents) == [(2, UNCLOSED), (3, "rating is '9', expected a whole number from 1 to 5")]


def test_a_text_of_many_lines_with_commas_is_one_review(written) -> None:  # type: ignore[no-untyped-def]
    """Its lines are no rows."""
    text = "첫째, 둘째, 셋째, 넷째\n\n1,2,3,4\n색, 모양, 크기"
    contents = written(f'1,5,"{text}",2026-01-01', "2,5,둘,2026-01-02")
    assert taken(contents) == [(2, text), (6, "둘")]
    assert reasons(contents) == []


def test_an_unclosed_quote_does_not_reach_over_all_of_a_long_file(  # type: ignore[no-untyped-def]
    written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a file with one on each line would be read once for each."""
    read_lines = 0

    def counted(lines: Iterable[str], **options: Any) -> Any:
        def each() -> Iterator[str]:
            nonlocal read_lines
            for line in lines:
                read_lines += 1
                yield line

        return reader(each(), **options)

    reader = csv.reader
    monkeypatch.setattr(csv, "reader", counted)
    monkeypatch.setattr(csv_rows, "MAX_REACH", 500)
    contents = written(*[f'{number},5,x"y,"z' for number in range(1_000)])
    assert [line for line, _ in reasons(contents)] == list(range(2, 1_002))
    assert read_lines < 100 * 1_000


@pytest.mark.parametrize(
    ("length", "lines", "reason"),
    [(900_000, [2, 3], []), (MAX_FIELD + 1, [3], [(2, "a field of more than 1,000,000 characters")])],
)
def test_a_long_field_that_nobody_reads_costs_nothing(  # type: ignore[no-untyped-def]
    tmp_path: Path, length: int, lines: list[int], reason
) -> None:
    """A page's source in a column of its own is left out, not refused; a field without bound is."""
    path = tmp_path / "reviews_chair.csv"
    path.write_text(f"{HEADER},html\n1,5,하나,2026-01-01,{'x' * length}\n2,5,둘,2026-01-01,\n")
    contents = read(path)
    assert ([row.line for row in contents.rows], reasons(contents)) == (lines, reason)


@pytest.mark.parametrize("twice", ["text", "text\u200b", " text", "\ufefftext"])
def test_a_column_that_stands_twice_is_refused(tmp_path: Path, twice: str) -> None:
    """Crawlers call the review and the seller's answer alike; none of both is known to be the review."""
    path = tmp_path / "reviews_chair.csv"
    path.write_text(f"review_id,rating,text,{twice},created_at\n1,1,소음이 커요,감사합니다,2026-01-02\n")
    contents = read(path)
    assert (contents.rows, reasons(contents)) == ([], [(1, "the column text stands twice, expected once")])


def test_a_column_that_is_left_out_may_stand_twice(tmp_path: Path) -> None:
    """It is reported as left out."""
    path = tmp_path / "reviews_chair.csv"
    path.write_text(f"{HEADER},note,note\n1,5,하나,2026-01-01,a,b\n")
    contents = read(path)
    assert (taken(contents), contents.unknown_columns) == ([(2, "하나")], ("note",))


def test_a_header_with_an_unclosed_quote_is_refused(tmp_path: Path) -> None:
    """There are no names then."""
    path = tmp_path / "reviews_chair.csv"
    path.write_text(f'{HEADER},"more\n1,5,하나,2026-01-01\n')
    contents = read(path)
    assert (contents.rows, reasons(contents)) == ([], [(1, f"no header: {UNCLOSED}")])
