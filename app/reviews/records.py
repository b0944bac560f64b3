"""The store's records as an import reads and writes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.reviews.categories import source
from app.reviews.ledger import Key, Ledger, Record
from app.reviews.models import Factor, Mention, Question, Review

UPSERT_PRODUCT = """
INSERT INTO products (category, name, category_name) VALUES (?, ?, ?)
ON CONFLICT (category) DO UPDATE SET name = excluded.name, category_name = excluded.category_name
"""
UPSERT_FACTOR = """
INSERT INTO factors (category, factor_key, content) VALUES (?, ?, ?)
ON CONFLICT (category, factor_key) DO UPDATE SET content = excluded.content
"""
UPSERT_QUESTION = """
INSERT INTO questions (category, question_id, content) VALUES (?, ?, ?)
ON CONFLICT (category, question_id) DO UPDATE SET content = excluded.content
"""
UPSERT_REVIEW = """
INSERT INTO reviews (category, review_id, source, rating, text, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (category, review_id) DO UPDATE
SET source = excluded.source, rating = excluded.rating, text = excluded.text, created_at = excluded.created_at
"""
INSERT_MENTION = """
INSERT INTO mentions (category, review_id, factor_key, label, strength, excerpt) VALUES (?, ?, ?, ?, ?, ?)
"""


def content(row: sqlite3.Row) -> dict[str, Any]:
    """A factor's or question's values; JSON lists become the tuples they were."""
    values: dict[str, Any] = json.loads(row["content"])
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def generations(connection: sqlite3.Connection) -> dict[str, int]:
    """How many imports changed each category."""
    return dict(map(tuple, connection.execute("SELECT category, generation FROM products")))


def ledger(connection: sqlite3.Connection) -> Ledger:
    """What the store holds, but for the reviews."""
    before = generations(connection)  # first: what is committed while the rest is read must show as a change
    records: dict[Key, Record] = {}
    for row in connection.execute("SELECT content FROM factors ORDER BY rowid"):
        factor = Factor(**content(row))
        records[Key("factors", factor.category, factor.factor_key)] = Record(factor)
    for row in connection.execute("SELECT category, content FROM questions ORDER BY rowid"):
        question = Question(**content(row))
        records[Key("questions", row["category"], question.question_id)] = Record(question)
    return Ledger(before, records)


def add_reviews(connection: sqlite3.Connection, ledger: Ledger, categories: Collection[str]) -> None:
    """Put the stored reviews of some categories into the ledger."""
    query = "SELECT category, review_id, source, rating, text, created_at FROM reviews WHERE category = ?"
    for category in sorted(categories):
        for row in connection.execute(query, (category,)):
            at = datetime.fromisoformat(row["created_at"])
            review = Review(row["review_id"], row["rating"], row["text"], at)
            origin = source(row["source"])  # it may have been stored with a date that was not known for one
            ledger.records[Key("reviews", category, review.review_id)] = Record(review, origin)


def write(
    connection: sqlite3.Connection, ledger: Ledger, read: Mapping[str, Sequence[tuple[Review, list[Mention]]]]
) -> None:
    """Write the ledger's changes and the mentions of the reviews that were `read`, by category."""
    for key, record in ledger.changes.items():
        _write_record(connection, key, record)
    for category, pairs in read.items():
        ids = ((category, review.review_id) for review, _ in pairs)
        connection.executemany("DELETE FROM mentions WHERE category = ? AND review_id = ?", ids)
        connection.executemany(INSERT_MENTION, _mention_rows(category, pairs))
    touched = [(category,) for category in sorted(ledger.changed_categories)]
    connection.executemany("UPDATE products SET generation = generation + 1 WHERE category = ?", touched)


def _write_record(connection: sqlite3.Connection, key: Key, record: Record) -> None:
    value = record.value
    if isinstance(value, Factor):
        connection.execute(UPSERT_PRODUCT, (value.category, value.product_name, value.category_name))
        connection.execute(UPSERT_FACTOR, (key.category, key.id, _encoded(value)))
    elif isinstance(value, Question):
        connection.execute(UPSERT_QUESTION, (key.category, key.id, _encoded(value)))
    else:
        at = value.created_at.isoformat()
        row = (key.category, key.id, record.source, value.rating, value.text, at)
        connection.execute(UPSERT_REVIEW, row)


def _mention_rows(category: str, pairs: Iterable[tuple[Review, list[Mention]]]) -> Iterable[tuple[Any, ...]]:
    for _, mentions in pairs:
        for each in mentions:
            yield category, each.review_id, each.factor_key, each.label, each.strength, each.excerpt


def _encoded(value: Factor | Question) -> str:
    return json.dumps(asdict(value), ensure_ascii=False)
