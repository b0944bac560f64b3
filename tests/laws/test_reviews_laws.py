"""Laws of scoring, retrieval, reading and import, for any input."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.laws import examples
from support.review_files import read

from app.reviews.corpus import Corpus
from app.reviews.models import Factor, Mention, Product, Question, ShopperAnswer
from app.reviews.retrieval import retrieve
from app.reviews.scoring import concerns, score
from app.reviews.text import EXCERPT_LENGTH, excerpt, plain

KEYS = ("noise", "battery", "price", "smell")
NAMES = ("소음", "배터리", "가격", "냄새")
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def factor(key: str, name: str, weight: float) -> Factor:
    """A factor of the chair."""
    return Factor(key, key, "chair", "의자", "의자", "", name, "", (name,), (), (), weight, 0)


mentions = st.lists(
    st.builds(
        Mention,
        review_id=st.integers(0, 10_000).map(str),
        factor_key=st.sampled_from(KEYS),
        rating=st.integers(1, 5),
        created_at=st.integers(0, 900).map(lambda days: THEN - timedelta(days=days)),
        label=st.sampled_from(("POS", "NEG", "MIX", "NEU")),
        strength=st.floats(0.1, 1.0),
        excerpt=st.just("..."),
    ),
    max_size=30,
    unique_by=lambda mention: (mention.review_id, mention.factor_key),
)
weights = st.lists(st.floats(0, 5), min_size=4, max_size=4)


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """A product with any reviews."""
    found = tuple(draw(mentions))
    silent = draw(st.integers(0, 50))
    count = len({mention.review_id for mention in found}) + silent
    factors = tuple(map(factor, KEYS, NAMES, draw(weights)))
    return Corpus(Product("chair", "의자", "chair", "의자", count), factors, (), found)


said = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from((*NAMES, "은 ", "중요해요", "상관없어요", "는데 ", "안 ", "가끔", ". ", "너무 ")),
        max_size=8,
    ).map("".join),
)
questions = st.builds(
    lambda key, choices: Question("q", key, key, "?", "single_choice", tuple(choices), ""),
    st.sampled_from((*KEYS, "unknown")),
    st.lists(said, max_size=4),
)
answers = st.lists(st.builds(ShopperAnswer, said, st.none() | questions), max_size=5)


@given(corpora(), answers)
def test_scores_are_from_0_to_1_sorted_and_one_per_factor(
    corpus: Corpus, given_answers: list[ShopperAnswer]
) -> None:
    """The highest first, equals by key, whatever was answered."""
    scores = score(corpus, given_answers)
    assert sorted(each.factor_key for each in scores) == sorted(KEYS)
    assert all(0 <= each.score <= 1 for each in scores)
    assert list(scores) == sorted(scores, key=lambda each: (-each.score, each.factor_key))
    assert all(0 <= value <= 1 for value in concerns(corpus, given_answers).values())


@given(corpora(), answers, st.randoms())
def test_the_order_of_reviews_makes_no_difference(
    corpus: Corpus, given_answers: list[ShopperAnswer], random: Any
) -> None:
    """Nor does the order in which factors stand in the file."""
    shuffled_mentions, shuffled_factors = list(corpus.mentions), list(corpus.factors)
    random.shuffle(shuffled_mentions)
    random.shuffle(shuffled_factors)
    other = replace(corpus, mentions=tuple(shuffled_mentions), factors=tuple(shuffled_factors))
    assert score(other, given_answers) == score(corpus, given_answers)
    cares = concerns(corpus, given_answers)
    assert concerns(other, given_answers) == cares
    assert retrieve(other, cares) == retrieve(corpus, cares)


@given(corpora(), answers, st.sampled_from(KEYS), st.sampled_from(("POS", "NEU", None)))
def test_more_complaints_never_lower_a_factors_score(
    corpus: Corpus, given_answers: list[ShopperAnswer], key: str, before: str | None
) -> None:
    """A new review that complains, or one that praised and now complains."""
    praise = Mention("new", key, 1, THEN, before or "NEG", 0.5, "...")  # type: ignore[arg-type]
    complaint = replace(praise, label="NEG")
    old = corpus if before is None else more(corpus, praise)
    new = more(corpus, complaint)
    assert value(new, given_answers, key) >= value(old, given_answers, key)


def more(corpus: Corpus, mention: Mention) -> Corpus:
    """The corpus with one more review."""
    product = replace(corpus.product, review_count=corpus.review_count + 1)
    return replace(corpus, product=product, mentions=(*corpus.mentions, mention))


def value(corpus: Corpus, given_answers: Sequence[ShopperAnswer], key: str) -> float:
    """One factor's score."""
    return next(each.score for each in score(corpus, given_answers) if each.factor_key == key)


@given(corpora(), st.sampled_from(KEYS))
def test_caring_more_never_lowers_a_factors_score(corpus: Corpus, key: str) -> None:
    """상관없어요, 보통이에요, 중요해요 rise in this order."""
    asked = Question("q", key, key, "?", "no_choice", (), "")
    levels = [
        value(corpus, [ShopperAnswer(text, asked)], key)
        for text in ("상관없어요", "보통이에요", "매우 중요해요")
    ]
    assert levels == sorted(levels)


@given(corpora(), answers)
def test_the_same_input_gives_the_same_output(corpus: Corpus, given_answers: list[ShopperAnswer]) -> None:
    """Also from a corpus that was made anew, with nothing cached."""
    again = replace(corpus)
    cares = concerns(corpus, given_answers)
    assert (score(again, given_answers), retrieve(again, cares)) == (
        score(corpus, given_answers),
        retrieve(corpus, cares),
    )


@given(corpora(), st.dictionaries(st.sampled_from((*KEYS, "unknown")), st.floats()), st.integers(0, 40))
def test_a_smaller_limit_gives_a_prefix_without_repeats(
    corpus: Corpus, cares: dict[str, float], limit: int
) -> None:
    """Any weights, also negative ones and none; each piece once; each score from 0 to 1."""
    every = retrieve(corpus, cares, 1000)
    assert retrieve(corpus, cares, limit) == every[:limit]
    assert len({(each.review_id, each.factor_key) for each in every}) == len(every)
    assert all(0 <= each.score <= 1 for each in every)
    wanted = {key for key, weight in cares.items() if 0 < weight < float("inf")}
    assert len(every) == sum(mention.factor_key in wanted for mention in corpus.mentions)


@given(st.text(max_size=400))
def test_plain_text_keeps_its_places(text: str) -> None:
    """Every character left stands where its place says, or was blanked."""
    cleaned, places = plain(text)
    assert len(cleaned) == len(places)
    assert places == sorted(set(places))
    assert all(left in (text[place], " ") for left, place in zip(cleaned, places, strict=True))


@given(st.text(max_size=400), st.integers(10, EXCERPT_LENGTH))
def test_an_excerpt_is_a_prefix_within_its_limit(text: str, limit: int) -> None:
    """Of the text on one line, with a mark where it was cut."""
    cut, line = excerpt(text, limit), " ".join(text.split()).strip()
    assert len(cut) <= limit
    assert line.startswith(cut.removesuffix("…"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
rows = st.fixed_dictionaries(
    {"review_id": json_values, "rating": json_values, "text": json_values, "created_at": json_values}
)


@examples(60)
@given(st.lists(rows | json_values, min_size=1, max_size=5))
def test_every_row_of_a_json_file_is_either_taken_or_named(values: list[Any]) -> None:
    """Whatever JSON it holds, no row is lost and nothing is raised."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.json")
        path.write_text(json.dumps(values), encoding="utf-8")
        contents = read(path)
    if not any(problem.whole_file for problem in contents.problems):
        assert len(contents.rows) + len(contents.problems) == len(values)


@examples(60)
@given(st.binary(max_size=300), st.sampled_from((".csv", ".json", ".jsonl")))
def test_no_file_at_all_can_raise(data: bytes, suffix: str) -> None:
    """Any bytes under any name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"reviews{suffix}")
        path.write_bytes(data)
        contents = read(path)
    assert contents.problems or contents.rows


@examples(60)
@given(st.data(), st.sampled_from((".csv", ".json", ".jsonl")))
def test_where_a_file_is_cut_into_pieces_makes_no_difference(data: st.DataObject, suffix: str) -> None:
    """It is read piece by piece: bytes of a character, a number, a line's end may stand in two of them."""
    if suffix == ".csv":
        text = "review_id,rating,text,created_at" + data.draw(
            st.text(st.sampled_from('소음, 1"\n\r\ufeff'), max_size=60)
        )
    else:
        values = data.draw(st.lists(rows | json_values, max_size=4))
        text = json.dumps(values, ensure_ascii=False, indent=data.draw(st.sampled_from((None, 1))))
        broken = data.draw(st.integers(0, 2 * len(text)))
        text = text[:broken] + data.draw(st.sampled_from(("", "x", '"'))) + text[broken:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"r{suffix}")
        path.write_bytes(text.encode())
        whole = read(path)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("app.reviews.opening.PIECE", data.draw(st.integers(1, 8)))
            assert read(path) == whole


texts = st.text(st.sampled_from('소음, "\n'), max_size=12).map(lambda text: f"좋{text}다")


@st.composite
def files_with_a_stray_quote(draw: st.DrawFn) -> tuple[list[str], int]:
    """The rows of a CSV file, and which of them has a quote too many."""
    rows = [
        f'{number},5,"{draw(texts).replace(chr(34), chr(34) * 2)}",2026-01-0{number + 1}'
        for number in range(5)
    ]
    bad = draw(st.integers(0, 4))
    row = rows[bad].replace("\n", " ")
    at = draw(st.integers(0, len(row)))
    rows[bad] = f'{row[:at]}"{row[at:]}'
    return rows, bad


@given(files_with_a_stray_quote())
def test_a_stray_quote_costs_no_other_row(file: tuple[list[str], int]) -> None:
    """Wherever it stands, the other rows are taken as they are, and its own is taken or named."""
    rows, bad = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.csv")
        path.write_text("\n".join(("review_id,rating,text,created_at", *rows)), encoding="utf-8")
        contents = read(path)
    whole = [csv.reader(row.splitlines(keepends=True)) for row in rows]
    expected = {number: next(row)[2] for number, row in enumerate(whole) if number != bad}
    found = {int(row.value.created_at.day) - 1: row.value.text for row in contents.rows}  # type: ignore[union-attr]
    line = 2 + sum(row.count("\n") + 1 for row in rows[:bad])
    assert {number: found.get(number) for number in expected} == expected
    assert bad in found or line in [problem.line for problem in contents.problems]
