"""Sessions in the SQLite file of a machine: they serve every worker of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from sqlite3 import Row
from typing import Any

from app.database import Database
from app.dialogue.model import Abandoned, Reason, Session, as_document, from_document
from app.dialogue.store import KEEP_ENDED_SECONDS, PRODUCT_SELECTION, Overtaken

SCHEMA = """
CREATE TABLE IF NOT EXISTS visits (
    visit_id TEXT PRIMARY KEY,
    product_id TEXT NOT NULL,
    seen_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS visits_by_time ON visits (seen_at);
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY,
    category TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    evidence INTEGER,
    version INTEGER NOT NULL,
    seen_at REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_by_status ON sessions (status, seen_at)
"""
_COLUMNS = ("session_id", "category", "stage", "status", "evidence", "version")


class SqliteSessions:
    """See SessionStore."""

    def __init__(
        self, database: Database, timeout_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._timeout = timeout_seconds
        self._clock = clock
        database.create(SCHEMA)

    def open_visit(self, product_id: str) -> str:
        """See SessionStore."""
        visit_id = uuid.uuid4().hex
        self._database.connection.execute(
            "INSERT INTO visits VALUES (?, ?, ?)", (visit_id, product_id, self._clock())
        )
        return visit_id

    def begin(self, session: Session, visit_id: str | None) -> bool:
        """See SessionStore."""
        row = self._row(session)
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        with self._database.transaction() as connection:
            connection.execute(f"INSERT INTO sessions ({names}) VALUES ({marks})", row)  # noqa: S608
            closed = connection.execute(
                "DELETE FROM visits WHERE visit_id = ? AND product_id = ? AND seen_at >= ?",
                (visit_id, session.product_id, self._oldest()),
            )
        return closed.rowcount == 1

    def get(self, session_id: str) -> Session | None:
        """See SessionStore."""
        found = self._database.connection.execute(
            "SELECT * FROM sessions WHERE session_id = ?", (session_id,)
        ).fetchone()
        return _session(found) if found else None

    def save(self, session: Session) -> Session:
        """See SessionStore."""
        following = replace(session, version=session.version + 1)
        saved = self._database.connection.execute(
            "UPDATE sessions SET stage = :stage, status = :status, evidence = :evidence, version = :version,"
            " seen_at = :seen_at, body = :body"
            " WHERE session_id = :session_id AND version = :version - 1 AND status = 'live'",
            self._row(following),
        )
        if saved.rowcount != 1:
            raise Overtaken(session.session_id)
        return following

    def abandon(self, session_id: str, reason: Reason) -> Abandoned | None:
        """See SessionStore."""
        ended = self._database.connection.execute(
            "UPDATE sessions SET status = 'abandoned', version = version + 1"
            " WHERE session_id = ? AND status = 'live' RETURNING stage",
            (session_id,),
        ).fetchall()
        return Abandoned(ended[0]["stage"], reason, session_id) if ended else None

    def expire(self) -> list[Abandoned]:
        """See SessionStore."""
        with self._database.transaction() as connection:
            sessions = connection.execute(
                "UPDATE sessions SET status = 'abandoned', version = version + 1"
                " WHERE status = 'live' AND seen_at < ? RETURNING session_id, stage",
                (self._oldest(),),
            ).fetchall()
            visits = connection.execute("DELETE FROM visits WHERE seen_at < ?", (self._oldest(),)).rowcount
            connection.execute(
                "DELETE FROM sessions WHERE status != 'live' AND seen_at < ?",
                (self._oldest() - KEEP_ENDED_SECONDS,),
            )
        ended = [Abandoned(row["stage"], "timeout", row["session_id"]) for row in sessions]
        return ended + [Abandoned(PRODUCT_SELECTION, "timeout")] * visits

    def live_evidence(self) -> Iterator[tuple[tuple[str, str], float]]:
        """See SessionStore."""
        rows = self._database.connection.execute(
            "SELECT category, session_id, evidence FROM sessions"
            " WHERE status = 'live' AND evidence IS NOT NULL AND seen_at >= ?",
            (self._oldest(),),
        )
        for row in rows:
            yield (row["category"], row["session_id"]), row["evidence"]

    def _oldest(self) -> float:
        return self._clock() - self._timeout

    def probe(self, seconds: float) -> None:
        """See SessionStore."""
        self._database.probe(seconds)

    def warnings(self) -> list[str]:
        """See SessionStore."""
        return []

    def close(self) -> None:
        """See SessionStore. The file is others' too, and stays open."""

    def _row(self, session: Session) -> dict[str, Any]:
        everything = as_document(session)
        row = {name: everything.pop(name) for name in _COLUMNS}
        return {**row, "seen_at": self._clock(), "body": json.dumps(everything, ensure_ascii=False)}


def _session(row: Row) -> Session:
    return from_document({**json.loads(row["body"]), **{name: row[name] for name in _COLUMNS}})
