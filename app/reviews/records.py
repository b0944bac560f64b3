"""The store's records as an import reads and writes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from app.reviews.categories import source
from app.reviews.ledger import ImportLedger, Key, Record, SeenRows
from app.reviews.models import Factor, Mention, Question, Review
from app.reviews.rows import Kind

INSERT_PRODUCT = """
INSERT INTO products (category, name, category_name) VALUES (?, ?, ?) ON CONFLICT (category) DO NOTHING
"""
UPSERT_PRODUCT = """
INSERT INTO products (category, name, category_name) VALUES (?, ?, ?)
ON CONFLICT (category) DO UPDATE SET name = excluded.name, category_name = excluded.category_name
"""
UPSERT_FACTOR = """
INSERT INTO factors (category, factor_key, content, sample) VALUES (?, ?, ?, ?)
ON CONFLICT (category, factor_key) DO UPDATE SET content = excluded.content, sample = excluded.sample
"""
UPSERT_QUESTION = """
INSERT INTO questions (category, question_id, content, sample) VALUES (?, ?, ?, ?)
ON CONFLICT (category, question_id) DO UPDATE SET content = excluded.content, sample = excluded.sample
"""
UPSERT_REVIEW = """
INSERT INTO reviews (category, review_id, source, rating, text, created_at, sample)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (category, review_id) DO UPDATE SET source = excluded.source, rating = excluded.rating,
text = excluded.text, created_at = excluded.created_at, sample = excluded.sample
"""
INSERT_MENTION = """
INSERT INTO mentions (category, review_id, factor_key, label, strength, excerpt) VALUES (?, ?, ?, ?, ?, ?)
"""
# A release without the catalogue may have counted a product's generation on.
NEXT = """
UPDATE catalogue SET generation = 1 + max(generation, (SELECT coalesce(max(generation), 0) FROM products))
"""
DELETE_SAMPLES = "DELETE FROM {kind} WHERE category = ? AND sample"

STORED = "SELECT review_id, source, rating, text, created_at, sample FROM reviews WHERE category = ?"
STALE = f"{STORED} AND review_id > ? ORDER BY review_id LIMIT 500"
COUNT = "SELECT count(*) FROM reviews WHERE category = ?"
SAMPLE_REVIEWS = """
SELECT category, (SELECT sample FROM reviews WHERE reviews.category = products.category LIMIT 1) AS sample
FROM products
"""


class Reading(NamedTuple):
    """A review to read: a changed one, or a stored one whose mentions are to be rewritten."""

    key: Key
    record: Record
    changed: bool

    @property
    def review(self) -> Review:
        assert isinstance(self.record.value, Review)  # noqa: S101 - by its key
        return self.record.value


Analysed = Mapping[str, Sequence[tuple[Reading, list[Mention]]]]
"""Reviews with what they say, by category."""


def content(row: sqlite3.Row) -> dict[str, Any]:
    """A factor's or question's values; JSON lists become the tuples they were."""
    values: dict[str, Any] = json.loads(row["content"])
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def ledger(connection: sqlite3.Connection, seen: SeenRows) -> ImportLedger:
    """The store's factors and questions; reviews are looked up there."""
    found = ImportLedger(seen, partial(_review, connection))
    for row in connection.execute("SELECT content, sample FROM factors ORDER BY rowid"):
        factor = Factor(**content(row))
        key = Key("factors", factor.category, factor.factor_key)
        found.hold(key, Record(factor, sample=bool(row["sample"])))
    for row in connection.execute("SELECT category, content, sample FROM questions ORDER BY rowid"):
        question = Question(**content(row))
        key = Key("questions", row["category"], question.question_id)
        found.hold(key, Record(question, sample=bool(row["sample"])))
    for row in connection.execute(SAMPLE_REVIEWS):
        if row["sample"] is not None:
            found.mark("reviews", row["category"], bool(row["sample"]))
    return found


def count(connection: sqlite3.Connection, categories: Collection[str]) -> int:
    """How many reviews some categories have."""
    return sum(connection.execute(COUNT, (category,)).fetchone()[0] for category in categories)


def stored(connection: sqlite3.Connection, categories: Collection[str]) -> Iterator[Reading]:
    """All reviews of some categories. Between them no query is open, which would hold an old snapshot."""
    for category in sorted(categories):
        last = ""
        while rows := connection.execute(STALE, (category, last)).fetchall():
            for row in rows:
                yield Reading(Key("reviews", category, row["review_id"]), _record(row), changed=False)
            last = rows[-1]["review_id"]


def _review(connection: sqlite3.Connection, key: Key) -> Record | None:
    row = connection.execute(f"{STORED} AND review_id = ?", (key.category, key.id)).fetchone()
    return _record(row) if row else None


def _record(row: sqlite3.Row) -> Record:
    at = datetime.fromisoformat(row["created_at"])
    review = Review(row["review_id"], row["rating"], row["text"], at)
    # It may have been stored with a date that was then unknown.
    return Record(review, source(row["source"]), bool(row["sample"]))


def write_reviews(connection: sqlite3.Connection, ledger: ImportLedger, analysed: Analysed) -> None:
    """Write a portion of the reviews and their mentions; a category's first own reviews replace its samples.

    A new product gets its row, hidden until `finish`.
    """
    new = (
        factor
        for factor in ledger.factors()
        if Key("factors", factor.category, factor.factor_key) in ledger.changes
    )
    connection.executemany(INSERT_PRODUCT, map(_product, new))
    for category, pairs in analysed.items():
        if any(reading.changed and not reading.record.sample for reading, _ in pairs):
            _let_go(connection, ledger, {("reviews", category)})
        is_own = ledger.is_own("reviews", category)
        here = [pair for pair in pairs if not (is_own and pair[0].record.sample)]  # else they go, or went
        for reading, _ in here:
            if reading.changed:
                _write_record(connection, reading.key, reading.record)
        ids = ((category, reading.key.id) for reading, _ in here)
        connection.executemany("DELETE FROM mentions WHERE category = ? AND review_id = ?", ids)
        connection.executemany(INSERT_MENTION, _mention_rows(category, [found_in for _, found_in in here]))


def finish(connection: sqlite3.Connection, ledger: ImportLedger) -> None:
    """Write the factors and questions, and show everything written.

    They come last: after an interrupted import they are still new, and their reviews are read again.
    """
    _let_go(connection, ledger, ledger.due)
    for key, record in ledger.changes.items():
        _write_record(connection, key, record)
    show(connection, ledger.changed_categories)


def show(connection: sqlite3.Connection, categories: Collection[str]) -> None:
    """Mark these categories as changed, so that every process reads them again."""
    connection.execute(NEXT)
    connection.executemany(
        "UPDATE products SET generation = (SELECT generation FROM catalogue) WHERE category = ?",
        [(category,) for category in sorted(categories)],
    )


def _let_go(
    connection: sqlite3.Connection, ledger: ImportLedger, samples: Collection[tuple[Kind, str]]
) -> None:
    for kind, category in ledger.due.intersection(samples):
        connection.execute(DELETE_SAMPLES.format(kind=kind), (category,))
        ledger.due.remove((kind, category))  # it reads the table once


def _write_record(connection: sqlite3.Connection, key: Key, record: Record) -> None:
    value = record.value
    if isinstance(value, Factor):
        connection.execute(UPSERT_PRODUCT, _product(value))
        connection.execute(UPSERT_FACTOR, (key.category, key.id, encoded(value), record.sample))
    elif isinstance(value, Question):
        connection.execute(UPSERT_QUESTION, (key.category, key.id, encoded(value), record.sample))
    else:
        at = value.created_at.isoformat()
        row = (key.category, key.id, record.source, value.rating, value.text, at, record.sample)
        connection.execute(UPSERT_REVIEW, row)


def _product(factor: Factor) -> tuple[str, str, str]:
    return factor.category, factor.product_name, factor.category_name


def _mention_rows(category: str, found_in: Iterable[Iterable[Mention]]) -> Iterator[tuple[Any, ...]]:
    for mentions in found_in:
        for each in mentions:
            yield category, each.review_id, each.factor_key, each.label, each.strength, each.excerpt


def encoded(value: Factor | Question) -> str:
    """A factor or question as the store keeps it."""
    return json.dumps(asdict(value), ensure_ascii=False)
