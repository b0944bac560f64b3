"""The store's file: what is found out about it, and in which words."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from app.database import Database
from app.faults import LASTS, PASSES, UNSURE, StoreError, explain, of_the_store, prospect

TABLE = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, weight INTEGER NOT NULL)"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A small store that does not wait."""
    database = Database(tmp_path / "store.db", busy_seconds=0.05)
    database.create(TABLE)
    return database


def open_files(path: Path) -> int:
    """How often this process has the file open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(os.path.realpath(link) == str(path) for link in links)


def test_a_good_store_takes_a_probe_and_is_as_before(database: Database) -> None:
    """The version is what a migration would set; the probe leaves it."""
    database.connection.execute("PRAGMA user_version = 7")
    database.probe()
    database.check()
    assert database.connection.execute("PRAGMA user_version").fetchone()[0] == 7


def test_a_probe_really_writes(database: Database) -> None:
    """A page goes to the write-ahead log: on a full disk it could not."""
    log = database.path.with_name("store.db-wal")
    before = log.stat().st_size
    database.probe()
    assert log.stat().st_size > before


def test_a_probe_finds_a_lock(database: Database) -> None:
    """Who holds it can be found out by the words."""
    with sqlite3.connect(database.path, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"store\.db cannot be used: database is locked\. .*fuser -v"):
            database.probe()
        holder.execute("ROLLBACK")
    database.probe()


def test_a_probe_finds_that_the_file_is_gone_and_makes_none(database: Database) -> None:
    """The connections of other threads still hold the old file and would notice nothing."""
    database.path.rename(database.path.with_name("elsewhere.db"))
    with pytest.raises(StoreError, match="unable to open database file"):
        database.probe()
    assert not database.path.exists()


def test_a_damaged_page_is_found(database: Database) -> None:
    """Whatever page it is: the first that is read may well be a good one."""
    with database.transaction() as connection:
        connection.executemany("INSERT INTO things VALUES (?, 1)", [(f"{n:0>200}",) for n in range(200)])
    database.close()
    content = bytearray(database.path.read_bytes())
    content[-2 * 4096 : -4096] = b"\xff" * 4096
    database.path.write_bytes(content)
    with pytest.raises(StoreError, match=r"malformed.* Put a copy back"):
        database.check()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """With the path, the reason, the remedy and the variable."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError) as caught:
        Database(tmp_path / "taken" / "store.db")
    for part in (str(tmp_path / "taken" / "store.db"), "a file stands", "REVIEWLENS_STATE_DIR"):
        assert part.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "remedy", "hope"),
    [
        (sqlite3.OperationalError("database is locked"), "Another program", PASSES),
        (sqlite3.OperationalError("database or disk is full"), "Free space", PASSES),
        (sqlite3.OperationalError("attempt to write a readonly database"), "may write", UNSURE),
        (sqlite3.OperationalError("unable to open database file"), "file handles", UNSURE),
        (sqlite3.OperationalError("disk I/O error"), "Its disk", UNSURE),
        (sqlite3.OperationalError("no such table: sessions"), "start the service again", LASTS),
        (sqlite3.DatabaseError("database disk image is malformed"), "a copy", LASTS),
        (sqlite3.DatabaseError("file is not a database"), "a copy", LASTS),
        (PermissionError(13, "Permission denied", "/x"), "may write", LASTS),
        (NotADirectoryError(20, "Not a directory", "/x"), "A file stands", LASTS),
        (OSError(30, "Read-only file system", "/x"), "read-only", LASTS),
        (OSError(24, "Too many open files", "/x"), "ulimit", PASSES),
        (OSError(28, "No space left on device", "/x"), "Free space", PASSES),
        (sqlite3.OperationalError("what nobody has seen yet"), "the system's log", UNSURE),
    ],
)
def test_each_fault_has_its_remedy_and_no_false_hope(error: Exception, remedy: str, hope: str) -> None:
    """One line, with what to do; what a shopper is told is true of this fault."""
    told = explain(Path("/x/store.db"), error)
    assert remedy in told
    assert told.startswith("the store /x/store.db cannot be used: ")
    assert prospect(error) == hope


def test_a_wrong_statement_is_no_fault_of_the_store(database: Database) -> None:
    """It must not pass for a passing trouble."""
    with pytest.raises(sqlite3.IntegrityError) as caught:
        database.connection.execute("INSERT INTO things VALUES ('a', NULL)")
    assert not of_the_store(caught.value)
    with pytest.raises(sqlite3.OperationalError) as full:
        database.connection.execute("PRAGMA max_page_count = 1")
        database.connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d);")
    assert of_the_store(full.value)


def test_a_transaction_that_fails_at_its_end_leaves_the_thread_able_to_go_on(database: Database) -> None:
    """Where it stayed open, every later one of the thread would fail too."""
    connection = database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"), database.transaction():
        connection.executemany("INSERT INTO things VALUES (?, 1)", [(f"{n:0>200}",) for n in range(200)])
    connection.execute("PRAGMA max_page_count = 1000000")
    connection.execute("PRAGMA defer_foreign_keys = ON")
    connection.execute("CREATE TABLE parts (thing TEXT REFERENCES things DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError), database.transaction():
        connection.execute("INSERT INTO parts VALUES ('nothing')")  # noticed by COMMIT only
    with database.transaction():
        connection.execute("INSERT INTO things VALUES ('a', 1)")
    assert [row["name"] for row in connection.execute("SELECT name FROM things")] == ["a"]


@pytest.mark.parametrize("kind", ["transaction", "snapshot"])
def test_the_reason_of_a_failure_is_not_lost_where_sqlite_has_rolled_back(
    database: Database, kind: str
) -> None:
    """A second ROLLBACK would fail, and its words would stand in the log."""
    with (
        pytest.raises(sqlite3.OperationalError, match="disk I/O error"),
        getattr(database, kind)() as connection,
    ):
        connection.execute("ROLLBACK")  # as SQLite does
        raise sqlite3.OperationalError("disk I/O error")


def test_a_snapshot_sees_one_moment_and_ends(database: Database) -> None:
    """What another writes meanwhile is seen after it."""
    count = "SELECT count(*) FROM things"
    with database.snapshot() as connection:
        assert connection.execute(count).fetchone()[0] == 0
        with sqlite3.connect(database.path) as other:
            other.execute("INSERT INTO things VALUES ('a', 1)")
        other.close()
        assert connection.execute(count).fetchone()[0] == 0
    assert database.connection.execute(count).fetchone()[0] == 1


@pytest.mark.slow
def test_a_thread_that_ends_takes_its_connection_with_it(database: Database) -> None:
    """Servers end idle threads: a day of quiet hours would use up every file handle."""
    counts = []
    for _ in range(20):
        thread = threading.Thread(target=lambda: database.connection.execute("SELECT 1").fetchall())
        thread.start()
        thread.join()
        counts.append(open_files(database.path))
    assert counts == [counts[0]] * 20
    database.close()
    assert open_files(database.path) == 0
