"""A store of an earlier release: its rows do not say which of them were shipped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from sqlite3 import Connection

from app.database import Database
from app.faults import explained
from app.reviews.ledger import DISPLACED, Key, Record
from app.reviews.models import Factor, Review
from app.reviews.records import encoded
from app.reviews.removal import remove

ADD_MARK = "ALTER TABLE {kind} ADD COLUMN sample INTEGER NOT NULL DEFAULT 0"
UNMARK = "UPDATE {kind} SET sample = 0 WHERE category = ?"
ANY_OWN = "SELECT 1 FROM {kind} WHERE category = ? AND NOT sample"
MARK_FACTOR = "UPDATE factors SET sample = 1 WHERE category = ? AND factor_key = ? AND content = ?"
MARK_QUESTION = "UPDATE questions SET sample = 1 WHERE category = ? AND question_id = ? AND content = ?"
MARK_REVIEW = """
UPDATE reviews SET sample = 1
WHERE category = ? AND review_id = ? AND source = ? AND rating = ? AND text = ? AND created_at = ?
"""

_log = logging.getLogger("reviewlens.ingest")


def upgrade(database: Database) -> None:
    """Mark the shipped rows, and remove those beside own rows of their kind. Once per store."""
    if _is_marked(database.connection):
        return
    with explained(database.path), database.transaction() as connection:
        if not _is_marked(connection):
            for kind in DISPLACED:
                connection.execute(ADD_MARK.format(kind=kind))
            if connection.execute("SELECT 1 FROM products").fetchone():
                _settle(connection)


def _is_marked(connection: Connection) -> bool:
    return any(row["name"] == "sample" for row in connection.execute("PRAGMA table_info(reviews)"))


def _settle(connection: Connection) -> None:
    from app.reviews import shipped  # it reads files: for this alone

    rows = shipped.records()
    for key, record in rows.items():
        _mark(connection, key, record)
    categories = sorted({key.category for key in rows})
    for category in categories:
        _adopt_edited(connection, category, rows)
    beside = [
        (category, kind)
        for category in categories
        for own, displaced in DISPLACED.items()
        if connection.execute(ANY_OWN.format(kind=own), (category,)).fetchone()
        for kind in displaced
    ]
    for (category, kind), number in remove(connection, dict.fromkeys(beside)).items():
        _log.warning("%s: %d sample %s went, as there are own ones", category, number, kind)


def _mark(connection: Connection, key: Key, record: Record) -> None:
    value = record.value
    if isinstance(value, Review):
        at = value.created_at.isoformat()
        row = (key.category, key.id, record.source, value.rating, value.text, at)
        connection.execute(MARK_REVIEW, row)
    else:
        statement = MARK_FACTOR if isinstance(value, Factor) else MARK_QUESTION
        connection.execute(statement, (key.category, key.id, encoded(value)))


def _adopt_edited(connection: Connection, category: str, rows: Mapping[Key, Record]) -> None:
    """If all own factors are edited shipped ones, the set counts as own."""
    query = "SELECT factor_key, content FROM factors WHERE category = ? AND NOT sample"
    own = connection.execute(query, (category,)).fetchall()
    if own and all(
        _is_edited(Key("factors", category, row["factor_key"]), row["content"], rows) for row in own
    ):
        for kind in ("factors", "questions"):
            connection.execute(UNMARK.format(kind=kind), (category,))


def _is_edited(key: Key, content: str, rows: Mapping[Key, Record]) -> bool:
    record = rows.get(key)
    if record is None or not isinstance(record.value, Factor):
        return False
    return bool(json.loads(content)["factor_id"] == record.value.factor_id)
