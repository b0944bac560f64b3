"""Reading the review files: formats, lines, reasons."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from support.review_files import FACTORS, QUESTIONS, Whole, read

from app.reviews.files import find
from app.reviews.models import Factor, Question, Review
from app.reviews.opening import MAX_BYTES
from app.reviews.rows import ROWS, Kind

REVIEW = {"review_id": 7, "rating": 5, "text": "좋아요", "created_at": "2026-01-31T09:30:00+09:00"}
ISO = "ISO 8601, such as 2026-01-31T09:30:00+09:00"
UTF_8 = "save the file as UTF-8, with or without a byte order mark"
HEADER = b"review_id,rating,text,created_at\n"
SECRET = "정말 비밀스러운 사용 후기입니다"
VALUE = Review("7", 5, "좋아요", datetime(2026, 1, 31, 0, 30, tzinfo=timezone.utc))


@pytest.fixture
def written(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Read what was written under a name."""

    def read_written(name: str, content: str | bytes) -> Whole:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read(path)

    return read_written


def reasons(contents: Whole) -> list[tuple[int, str]]:
    """(line, reason) of what was not taken."""
    return [(problem.line, problem.reason) for problem in contents.problems]


def test_factors_are_told_by_their_columns(written) -> None:  # type: ignore[no-untyped-def]
    """Whatever the file is called; lists are cut at |, numbers are numbers."""
    contents = written("anything.csv", FACTORS)
    assert contents.kind == "factors"
    assert [row.value for row in contents.rows] == [
        Factor(
            "101", "noise", "chair", "의자", "의자 S2", "comfort", "소음", "소리",
            ("소음", "삐걱"), ("밤",), ("없", "않"), 1.2, 3,
        )
    ]  # fmt: skip


def test_older_factor_files_lack_the_product_name(written) -> None:  # type: ignore[no-untyped-def]
    """The product then goes by its category's name."""
    contents = written("old.csv", FACTORS.replace("product_name,", "").replace("의자 S2,", ""))
    assert contents.problems == []
    assert contents.rows[0].value.product_name == "의자"


def test_questions_are_told_by_their_columns(written) -> None:  # type: ignore[no-untyped-def]
    """A hint may be empty."""
    contents = written("q.csv", QUESTIONS)
    assert [row.value for row in contents.rows] == [
        Question("1", "101", "noise", "예민하세요?", "single_choice", ("네", "아니요"), "")
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.json", json.dumps([REVIEW], ensure_ascii=False)),
        ("r.jsonl", json.dumps(REVIEW) + "\n\n"),
        ("r.csv", "review_id,rating,text,created_at\r\n7,5,좋아요,2026-01-31T00:30:00Z\r\n"),
    ],
)
def test_reviews_in_every_format_are_the_same_values(written, name: str, text: str, mark: bytes) -> None:  # type: ignore[no-untyped-def]
    """JSON, JSON Lines and CSV; with and without a mark; ids as numbers or strings; any time zone."""
    contents = written(name, mark + text.encode())
    assert (contents.kind, [row.value for row in contents.rows], contents.problems) == (
        "reviews",
        [VALUE],
        [],
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rating": 6}, "rating is 6, expected a whole number from 1 to 5"),
        ({"rating": True}, "rating is true, expected a whole number from 1 to 5"),
        ({"rating": 4.5}, "rating is 4.5, expected a whole number from 1 to 5"),
        ({"rating": "많이"}, "rating is '많이', expected a whole number from 1 to 5"),
        ({"text": "  "}, "text is empty, expected 1 to 20,000 characters"),
        ({"text": {}}, "text is an object, expected 1 to 20,000 characters"),
        ({"review_id": None}, "review_id is missing, expected 1 to 200 characters"),
        ({"created_at": "어제"}, f"created_at is '어제', expected {ISO}"),
        ({"created_at": "2026-13-31T09:30:00"}, f"created_at is '2026-13-31T09:30:00', expected {ISO}"),
        ({"created_at": 1700000000}, f"created_at is 1700000000, expected {ISO}"),
        (
            {"created_at": "9999-12-31T23:59:59-12:00"},
            "created_at is no time in UTC, expected one in the years 1 to 9999 there too",
        ),
        (
            {"rating": 0, "review_id": ""},
            "review_id is empty, expected 1 to 200 characters; "
            "rating is 0, expected a whole number from 1 to 5",
        ),
    ],
)
def test_a_bad_row_is_skipped_with_its_line_and_reason(written, change, reason: str) -> None:  # type: ignore[no-untyped-def]
    """The rows around it are taken."""
    rows = [REVIEW, {**REVIEW, **change}, {**REVIEW, "review_id": "8"}]
    contents = written("r.json", "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    assert reasons(contents) == [(3, reason)]
    assert [row.line for row in contents.rows] == [2, 4]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": SECRET * 2_000}, "text has 34,000 characters, expected 1 to 20,000 characters"),
        ({"text": [SECRET]}, "text is a list, expected 1 to 20,000 characters"),
        ({"rating": SECRET}, "rating is a text of 17 characters, expected a whole number from 1 to 5"),
        ({"created_at": SECRET}, f"created_at is a text of 17 characters, expected {ISO}"),
    ],
)
def test_a_review_text_is_never_in_a_reason(written, change, reason: str) -> None:  # type: ignore[no-untyped-def]
    """Reasons go to the terminal and to logs; review text does not, whatever column it slipped into."""
    assert reasons(written("r.json", json.dumps([{**REVIEW, **change}]))) == [(1, reason)]


def test_a_review_text_where_the_header_is_missing_is_not_told(written) -> None:  # type: ignore[no-untyped-def]
    """The first row is then taken for the names of columns; of many, the first are told."""
    ((_, reason),) = reasons(written("r.csv", f"1,5,{SECRET},a,b,c,d,e,f,g\n2,4,{SECRET}\n"))
    assert reason.startswith("columns 1, 5, a, b, c, d, e, f, and 2 more tell no kind of file; expected ")
    ((_, reason),) = reasons(written("r.csv", f"1,5,{SECRET}\n2,4,{SECRET}\n"))
    assert reason.startswith("columns 1, 5, a text of 17 characters tell no kind of file; expected ")


def test_a_question_with_choices_needs_two(written) -> None:  # type: ignore[no-untyped-def]
    """And a known type of answer."""
    assert reasons(written("q.csv", QUESTIONS.replace("네|아니요", "네"))) == [
        (2, "choices has 1, expected two or more for single_choice, separated by |")
    ]
    assert reasons(written("q.csv", QUESTIONS.replace("single_choice", "maybe"))) == [
        (2, "answer_type is 'maybe', expected single_choice or no_choice")
    ]


@pytest.mark.parametrize("kind", ROWS)
def test_every_column_says_what_it_expects(kind: Kind) -> None:
    """In words of ours."""
    assert all(field.description for field in ROWS[kind].model_fields.values())


def test_lines_count_even_where_a_field_has_several(written) -> None:  # type: ignore[no-untyped-def]
    """A quoted field may hold line breaks; the row's line is the one where it starts."""
    header, second, last = "review_id,rating,text,created_at", "2,9,x,2026-01-01", '3,4,"a",2026-01-01,more'
    contents = written("r.csv", f'{header}\n1,5,"두\n줄",2026-01-01\n{second}\n{last}\n')
    assert [row.line for row in contents.rows] == [2]
    assert [line for line, _ in reasons(contents)] == [4, 5]


def test_unknown_columns_are_named_once(written) -> None:  # type: ignore[no-untyped-def]
    """However many rows have them."""
    contents = written(
        "r.json", json.dumps([{**REVIEW, "author": "a"}, {**REVIEW, "author": "b", "likes": 1}])
    )
    assert contents.unknown_columns == ("author", "likes")
    assert len(contents.rows) == 2


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("r.txt", b"x", 1, ".txt suffix; expected one of .csv, .json, .jsonl, .ndjson"),
        ("r.json", b"", 1, "the file is empty"),
        ("r.json", b"[]", 1, "no rows"),
        ("r.csv", b"review_id,rating,text,created_at\n", 1, "no rows"),
        ("r.json", b'{"review_id": 1}', 1, "expected a list of objects: [{...}, ...]"),
        (
            "r.json",
            b'[{"review_id": 1},\n{"rat',
            2,
            "not JSON, or cut short: Unterminated string starting at",
        ),
        ("r.json", b'["\n null\n]', 1, "not JSON, or cut short: Invalid control character at"),
        ("r.json", b'[{"review_id": 1}]\nmore', 2, "something follows the list"),
        ("r.json", b"[" * 100_000, 1, "JSON that cannot be read: nested too deep, or a number too long"),
        ("r.json", b"[" + b"1" * 5000, 1, "JSON that cannot be read: nested too deep, or a number too long"),
        (
            "r.csv",
            "review_id,rating,text,created_at\n1,5,좋아요,2026-01-01".encode("cp949"),
            2,
            f"not UTF-8 but, as it seems, CP949 (EUC-KR); {UTF_8}",
        ),
        ("r.csv", HEADER + b"1,5,\xff\xff,2026-01-01", 2, f"not UTF-8; {UTF_8}"),
        ("r.csv", (HEADER.decode() + "1").encode("utf-16"), 1, f"UTF-16 or UTF-32, not UTF-8; {UTF_8}"),
        ("r.csv", HEADER.decode().encode("utf-16-le"), 1, f"UTF-16 or UTF-32, not UTF-8; {UTF_8}"),
        ("r.json", "[1]".encode("utf-32-be"), 1, f"UTF-16 or UTF-32, not UTF-8; {UTF_8}"),
        ("r.csv", b"review_id,rating,text\n1,5,x\n", 1, "a reviews file without the column created_at"),
    ],
)
def test_a_bad_file_gives_nothing_but_a_reason(  # type: ignore[no-untyped-def]
    written, name: str, content: bytes, line: int, reason: str
) -> None:
    """Half a file is none: what stands before the fault is not taken either."""
    contents = written(name, content)
    assert (contents.rows, reasons(contents)) == ([], [(line, reason)])
    assert contents.problems[0].whole_file


def test_a_file_of_no_kind_says_what_is_expected(written) -> None:  # type: ignore[no-untyped-def]
    """All three kinds, with their columns."""
    ((_, reason),) = reasons(written("x.csv", "a,b\n1,2\n"))
    assert reason.startswith(
        "columns a, b tell no kind of file; expected .csv, .json, .jsonl or .ndjson files: "
    )


def test_a_broken_line_costs_only_itself_in_json_lines(written) -> None:  # type: ignore[no-untyped-def]
    """The other lines are taken."""
    contents = written("r.jsonl", json.dumps(REVIEW) + '\n{"review_id"\n[1]\n')
    assert len(contents.rows) == 1
    assert reasons(contents) == [
        (2, "not JSON: Expecting ':' delimiter, expected one object on a line"),
        (3, "no object, expected one with the columns as keys"),
    ]


@pytest.mark.parametrize("twice", ["text", "text\\u200b", "te\\u0078t"])
@pytest.mark.parametrize("name", ["r.json", "r.jsonl"])
def test_a_key_that_stands_twice_costs_its_row(written, name: str, twice: str) -> None:  # type: ignore[no-untyped-def]
    """The last one would win unseen; a key that is left out may stand twice."""
    bad = f'{{"review_id":"1","rating":1,"text":"소음","{twice}":"답글","created_at":"2026-01-01"}}'
    good = json.dumps(REVIEW)[:-1] + ', "note": 1, "note": 2}'
    text = f"{bad}\n{good}" if name == "r.jsonl" else f"[{bad},\n{good}]"
    contents = written(name, text)
    assert reasons(contents) == [(1, "text stands twice, expected each key once")]
    assert ([row.value for row in contents.rows], contents.unknown_columns) == ([VALUE], ("note",))


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO without a writer, a device without an end, a folder, a file larger than may be read."""
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert [reasons(read(path)) for path in sorted(tmp_path.iterdir())] == [
        [(1, "a FIFO; expected a regular file")],
        [(1, "a folder; expected a regular file")],
        [(1, "1,073,741,825 bytes or more; expected 1,073,741,824 at most: split the file")],
        [(1, "a device; expected a regular file")],
    ]
    assert len(find([tmp_path])) == 3


def test_an_id_may_be_any_number(written) -> None:  # type: ignore[no-untyped-def]
    """Also one that a spreadsheet wrote with a point, or longer than any float."""
    ids = [7, 7.0, 10**150, "007"]
    contents = written("r.json", json.dumps([{**REVIEW, "review_id": each} for each in ids]))
    assert [row.value.review_id for row in contents.rows] == ["7", "7", "1" + "0" * 150, "007"]


def test_half_an_emoji_is_left_out(written) -> None:  # type: ignore[no-untyped-def]
    """JSON can spell text that no store can hold; a crawler that cuts texts leaves it."""
    contents = written("r.json", json.dumps([{**REVIEW, "text": "좋아요\ud83d\x00"}]))
    assert [row.value for row in contents.rows] == [VALUE]


def test_a_missing_file_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """It does not stop the others."""
    assert reasons(read(tmp_path / "no.csv")) == [(1, "cannot be read: No such file or directory")]


def test_folders_are_searched_without_hidden_and_foreign_files(tmp_path: Path) -> None:
    """Files named are taken as they are, each once."""
    for name in ("a.csv", "b.JSON", ".hidden.csv", "notes.md", "sub/c.jsonl", ".git/d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    named = [path.relative_to(tmp_path).as_posix() for path in find([tmp_path, tmp_path / "a.csv"])]
    assert named == ["a.csv", "b.JSON", "sub/c.jsonl"]
