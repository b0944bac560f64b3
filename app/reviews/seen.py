"""An import's knowledge of each row so far: on disk, since it may exceed memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.faults import StoreError, explain
from app.reviews.ledger import Key, Met

SETUP = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -8000",
    """
    CREATE TABLE seen (
        kind TEXT, category TEXT, id TEXT,
        file INTEGER, line INTEGER, value INTEGER, source TEXT, sample INTEGER,
        PRIMARY KEY (kind, category, id)
    ) WITHOUT ROWID
    """,
    "BEGIN",  # for good: nothing of it is kept
)
GET = "SELECT file, line, value, source, sample FROM seen WHERE kind = ? AND category = ? AND id = ?"
SET = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class SeenRowsOnDisk:
    """A mapping beside the store, in an unnamed file that ends with the process. StoreError if the disk is
    full.
    """

    def __init__(self, store: Path) -> None:
        try:
            with NamedTemporaryFile(dir=store.parent, prefix=f"{store.name}-seen-") as file:
                self._connection = sqlite3.connect(file.name, isolation_level=None)
                for statement in SETUP:
                    self._connection.execute(statement)
        except OSError as error:
            raise StoreError(explain(store, error), str(error.strerror)) from error

    def get(self, key: Key) -> Met | None:
        """The record of an earlier row with this key."""
        row = self._connection.execute(GET, (key.kind, key.category, key.id)).fetchone()
        return Met(*row) if row else None

    def __setitem__(self, key: Key, met: Met) -> None:
        self._connection.execute(SET, (key.kind, key.category, key.id, *met))

    def close(self) -> None:
        """Give the room back."""
        self._connection.close()
