"""The rows of the shipped files, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from app.reviews.categories import keyed_rows
from app.reviews.files import ImportProblem, look_all
from app.reviews.ledger import ImportLedger, Key, Record
from app.reviews.opening import SAMPLES


def records() -> Mapping[Key, Record]:
    """Every shipped row by its key."""
    ledger, found = ImportLedger(), {}
    for contents in look_all([SAMPLES]):
        for row in keyed_rows(contents, ledger):
            if not isinstance(row, ImportProblem):
                ledger.hold(row.key, row.record)
                found[row.key] = row.record
    return found
