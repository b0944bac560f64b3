"""The rows of the shipped files, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from app.reviews.categories import keyed, of_reviews, source
from app.reviews.files import read_all
from app.reviews.ledger import Key, Ledger, Record
from app.reviews.opening import SAMPLES


def records() -> Mapping[Key, Record]:
    """Every shipped row by its key."""
    ledger = Ledger()
    for contents in read_all([SAMPLES]):
        category = of_reviews(contents.path, ledger, None) if contents.kind == "reviews" else None
        for row in contents.rows:
            key, record = keyed(row.value, ledger, category, source(contents.path.stem), sample=True)
            ledger.take(key, record, row.line)
    return ledger.changes
