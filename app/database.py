"""The one SQLite file of a machine: imports and live dialogues, shared by all its workers."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from weakref import WeakSet

from app.faults import StoreError, explain, explained
from telemetry.private import close_to_others, folder, private_file

# How long a write waits for others. A start or an import can wait; with a request, a shopper waits.
PATIENT_SECONDS = 10.0
REQUEST_SECONDS = 2.0
TURN_SECONDS = 0.02


class Database:
    """A SQLite file with one connection per thread. Reads never wait for writes (WAL).

    The file and its folder are their owner's alone. StoreError if the folder cannot be made.
    """

    def __init__(self, path: Path, busy_seconds: float = PATIENT_SECONDS) -> None:
        try:
            folder(path.parent)
        except OSError as error:
            raise StoreError(explain(path, error), str(error.strerror)) from error
        _make_private(path)
        self.path = path
        self._busy_seconds = busy_seconds
        self._local = threading.local()
        self._open: WeakSet[_Own] = WeakSet()
        self._lock = threading.Lock()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode; rows answer to column names."""
        own: _Own | None = getattr(self._local, "own", None)
        if own is None:
            own = self._local.own = self._open_own()
        return own.connection

    def _open_own(self) -> _Own:
        own = _Own(_connect(self.path, self._busy_seconds))
        self._to_wal(own.connection)
        own.connection.execute("PRAGMA foreign_keys = ON")
        with self._lock:
            self._open.add(own)
        return own

    def _to_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite refuses this at once while another process does the same to a new file; so wait here."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(TURN_SECONDS)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written in the block, or nothing. Other writers wait; readers do not."""
        with self._begun("BEGIN IMMEDIATE") as connection:
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Everything read in the block is as of one moment."""
        with self._begun("BEGIN") as connection:
            yield connection

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self.connection
        connection.execute(begin)
        try:
            yield connection
        finally:
            if connection.in_transaction:  # SQLite rolls back by itself where the disk fails
                connection.execute("ROLLBACK")

    def create(self, schema: str) -> None:
        """Run `CREATE ... IF NOT EXISTS` statements, separated by semicolons. Raises StoreError."""
        with explained(self.path), self.transaction() as connection:
            for statement in filter(str.strip, schema.split(";")):
                connection.execute(statement)

    def probe(self, busy_seconds: float | None = None) -> None:
        """Commit a write that changes nothing. StoreError if shoppers could not write either.

        It uses a connection of its own, which sees the current file and never makes one.
        """
        busy = self._busy_seconds if busy_seconds is None else busy_seconds
        address = f"{self.path.resolve().as_uri()}?mode=rw"
        with explained(self.path), closing(_connect(address, busy, uri=True)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {version:d}")
            connection.execute("COMMIT")  # only here is anything written, and a full disk noticed

    def check(self) -> None:
        """Read the complete file. StoreError if it is damaged."""
        with explained(self.path):
            (found,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {' '.join(found.split())}")

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for own in list(self._open):
                own.connection.close()
            self._open.clear()
        self._local = threading.local()


def _make_private(path: Path) -> None:
    """Make the file, and close our files that are open to others. SQLite makes -wal and -shm like it.

    Failures are left to SQLite, which explains them. An existing file is never opened: closing it would
    release this process's locks on it.
    """
    with suppress(OSError):
        os.close(private_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    for part in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
        with suppress(OSError):
            close_to_others(part)


class _Own:
    """A thread's connection, closed when the thread has ended: servers end idle threads and start others."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _connect(address: str | Path, busy_seconds: float, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=uri, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
