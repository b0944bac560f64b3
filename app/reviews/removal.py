"""Taking sample rows out of a store, and what nothing else holds without them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from sqlite3 import Connection

from app.reviews.records import DELETE_SAMPLES, show
from app.reviews.rows import Kind

# A sample factor holds the product's name; afterwards the category's name stands in.
RENAME = """
UPDATE products SET name = category_name WHERE category = ?
AND NOT EXISTS (SELECT 1 FROM factors WHERE factors.category = products.category)
"""
DELETE_PRODUCT = """
DELETE FROM products WHERE category = ?
AND NOT EXISTS (SELECT 1 FROM factors WHERE factors.category = products.category)
AND NOT EXISTS (SELECT 1 FROM questions WHERE questions.category = products.category)
AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.category = products.category)
"""

Removed = Mapping[tuple[str, Kind], int]
"""How many rows went, by category and kind."""


def remove(connection: Connection, samples: Collection[tuple[str, Kind]]) -> Removed:
    """Delete the sample rows of some kinds, within a transaction; own rows stay, and so does their product.

    What own reviews say of a sample factor stays in the store and is not read: own factors replace it.
    """
    removed = {
        (category, kind): connection.execute(DELETE_SAMPLES.format(kind=kind), (category,)).rowcount
        for category, kind in samples
    }
    removed = {which: number for which, number in removed.items() if number}
    categories = sorted({category for category, _ in removed})
    for statement in (RENAME, DELETE_PRODUCT):
        connection.executemany(statement, [(category,) for category in categories])
    show(connection, categories)
    return removed
