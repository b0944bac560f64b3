"""Sessions in the SQLite file of a machine: they serve every worker of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from sqlite3 import Connection, Row
from typing import Any

from app.database import Database
from app.dialogue.model import Abandoned, Reason, Session, as_document, from_document
from app.dialogue.store import (
    KEEP_ENDED_SECONDS,
    MOST_LIVE,
    PORTION,
    PRODUCT_SELECTION,
    LiveEvidence,
    Overtaken,
    SessionEvidence,
    TooManyLive,
)

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
CREATE INDEX IF NOT EXISTS sessions_by_status ON sessions (status, seen_at);
CREATE INDEX IF NOT EXISTS evidence_by_category ON sessions (category, evidence)
    WHERE status = 'live' AND evidence IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_by_start ON sessions (status)
    WHERE status = 'live' AND evidence IS NOT NULL;
CREATE TABLE IF NOT EXISTS tallies (
    key TEXT PRIMARY KEY,
    amount INTEGER NOT NULL,
    ends_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS sweeper (
    place INTEGER PRIMARY KEY,
    worker TEXT NOT NULL,
    until REAL NOT NULL
)
"""
# How long a worker keeps other workers from sweeping after a portion. The file is free between portions: a
# waiting request looks again every 0.1 s at the latest.
SWEEPER_SECONDS = 5.0
_COLUMNS = ("session_id", "category", "stage", "status", "evidence", "version")


class SqliteSessions:
    """See SessionStore."""

    def __init__(
        self,
        database: Database,
        timeout_seconds: float,
        clock: Callable[[], float] = time.time,
        most_live: int = MOST_LIVE,
    ) -> None:
        self._database = database
        self._timeout = timeout_seconds
        self._clock = clock
        self._most_live = most_live
        self._worker = uuid.uuid4().hex
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
            if self._live(connection) >= self._most_live:
                raise TooManyLive(self._most_live)
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
        oldest = self._oldest()
        if not self._any_before(oldest):
            return []
        with self._database.transaction() as connection:
            if not self._sweeps(connection):
                return []
            sessions = connection.execute(
                "UPDATE sessions SET status = 'abandoned', version = version + 1 WHERE rowid IN"
                " (SELECT rowid FROM sessions WHERE status = 'live' AND seen_at < ? LIMIT ?)"
                " RETURNING session_id, stage",
                (oldest, PORTION),
            ).fetchall()
            visits = connection.execute(
                "DELETE FROM visits WHERE rowid IN (SELECT rowid FROM visits WHERE seen_at < ? LIMIT ?)",
                (oldest, PORTION),
            ).rowcount
        ended = [Abandoned(row["stage"], "timeout", row["session_id"]) for row in sessions]
        return ended + [Abandoned(PRODUCT_SELECTION, "timeout")] * visits

    def forget(self) -> int:
        """See SessionStore. Counts that have ended go too."""
        connection, now = self._database.connection, self._clock()
        connection.execute(
            "DELETE FROM tallies WHERE rowid IN (SELECT rowid FROM tallies WHERE ends_at <= ? LIMIT ?)",
            (now, PORTION),
        )
        return connection.execute(
            "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions"
            " WHERE status IN ('abandoned', 'complete') AND seen_at < ? LIMIT ?)",
            (self._oldest() - KEEP_ENDED_SECONDS, PORTION),
        ).rowcount

    def live_evidence(self, most: int) -> LiveEvidence:
        """See SessionStore. The oldest are the first begun."""
        with self._database.snapshot() as connection:
            some = connection.execute(
                "SELECT category, session_id, evidence FROM sessions INDEXED BY evidence_by_start"
                " WHERE status = 'live' AND evidence IS NOT NULL ORDER BY rowid LIMIT ?",
                (most,),
            ).fetchall()
            totals = connection.execute(
                "SELECT category, sum(sessions), sum(sessions * evidence) FROM"
                " (SELECT category, evidence, count(*) AS sessions"
                "  FROM sessions INDEXED BY evidence_by_category"
                "  WHERE status = 'live' AND evidence IS NOT NULL GROUP BY category, evidence)"
                " GROUP BY category"
            ).fetchall()
        return LiveEvidence(
            [SessionEvidence(*row) for row in some],
            {category: (sessions, pieces) for category, sessions, pieces in totals},
        )

    def tally(self, key: str, amount: int, seconds: int) -> int:
        """See SessionStore."""
        now = self._clock()
        row = self._database.connection.execute(
            "INSERT INTO tallies VALUES (:key, :amount, :ends_at) ON CONFLICT (key) DO UPDATE SET"
            " amount = excluded.amount + iif(ends_at > :now, amount, 0),"
            " ends_at = iif(ends_at > :now, ends_at, excluded.ends_at) RETURNING amount",
            {"key": key, "amount": amount, "now": now, "ends_at": now + seconds},
        ).fetchall()
        return int(row[0]["amount"])

    def tallied(self, key: str) -> tuple[int, float]:
        """See SessionStore."""
        row = self._database.connection.execute(
            "SELECT amount, ends_at - :now FROM tallies WHERE key = :key AND ends_at > :now",
            {"key": key, "now": self._clock()},
        ).fetchone()
        return tuple(row) if row else (0, 0.0)

    def _live(self, connection: Connection) -> int:
        """How many are live and have not timed out, as far as it matters."""
        (count,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM sessions WHERE status = 'live' AND seen_at >= ? LIMIT ?)",
            (self._oldest(), self._most_live),
        ).fetchone()
        return int(count)

    def _any_before(self, oldest: float) -> bool:
        (found,) = self._database.connection.execute(
            "SELECT EXISTS (SELECT 1 FROM sessions WHERE status = 'live' AND seen_at < :oldest)"
            " OR EXISTS (SELECT 1 FROM visits WHERE seen_at < :oldest)",
            {"oldest": oldest},
        ).fetchone()
        return bool(found)

    def _sweeps(self, connection: Connection) -> bool:
        """Whether this worker sweeps, for some seconds more."""
        now = self._clock()
        taken = connection.execute(
            "INSERT INTO sweeper VALUES (1, :worker, :until) ON CONFLICT (place) DO UPDATE SET"
            " worker = excluded.worker, until = excluded.until"
            " WHERE worker = excluded.worker OR until < :now",
            {"worker": self._worker, "until": now + SWEEPER_SECONDS, "now": now},
        )
        return taken.rowcount == 1

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
