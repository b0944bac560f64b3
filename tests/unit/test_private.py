"""Who may read the store: its owner, whatever the umask, and a group that its folder is shared with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support.umasks import umask

from app.database import Database
from app.faults import StoreError
from scripts.stack import private
from scripts.stack.errors import StackError

TABLE = "CREATE TABLE IF NOT EXISTS things (name TEXT)"
GROUP = 61_235


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def opened(path: Path) -> Database:
    """A store with something in it, so that -wal and -shm are there."""
    database = Database(path)
    database.create(TABLE)
    database.connection.execute("INSERT INTO things VALUES ('ours')")
    return database


def modes(path: Path) -> list[int]:
    return [mode(path.with_name(path.name + suffix)) for suffix in ("", "-wal", "-shm")]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_what_is_made_is_its_owners_alone(tmp_path: Path, mask: int) -> None:
    """The file, what SQLite puts beside it, its folder, and folders above that were missing."""
    path = tmp_path / "run" / "state" / "store.db"
    with umask(mask):
        database = opened(path)
    assert modes(path) == [0o600] * 3
    assert (mode(path.parent), mode(path.parent.parent)) == (0o700, 0o700)
    database.close()


def test_a_folder_that_was_there_stays_as_it_is(tmp_path: Path) -> None:
    """It is its maker's; the files in it are closed to others all the same, older ones too."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "store.db"
    with umask(0o022):
        path.touch()
        database = opened(path)
    assert modes(path) == [0o600] * 3
    assert mode(folder) == 0o755
    database.close()


def as_user(number: int, write: Callable[[], None]) -> None:
    """Do this in a process of another user of the group, which ends without closing anything."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(number)
            write()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("shared", [0o2770, 0o2775])
@pytest.mark.process
def test_a_volume_that_a_group_shares_is_the_groups(shared: int) -> None:
    """As Kubernetes gives it to a pod with fsGroup: the next pod has another user of the same group."""
    users = (61_233, 61_234) if os.geteuid() == 0 else ()  # nobody else can become another user
    with tempfile.TemporaryDirectory(prefix="volume-") as name, umask(0o077):
        Path(name).chmod(0o711)
        folder = Path(name) / "volume"
        folder.mkdir()
        os.chown(folder, -1, GROUP if users else os.getegid())
        folder.chmod(shared)
        path, kept = folder / "store.db", list[Database]()
        for user in users:
            as_user(user, lambda: kept.append(opened(path)))
        database = opened(path)
        assert modes(path) == [0o660] * 3
        assert mode(folder) == shared
        assert path.stat().st_uid == (users[0] if users else os.geteuid())
        (rows,) = database.connection.execute("SELECT count(*) FROM things").fetchone()
        assert rows == len(users) + 1
        database.close()


def test_locks_are_kept_where_a_store_is_opened_again(tmp_path: Path) -> None:
    """A process that closes any handle of a file loses its locks on it; SQLite counts on them."""
    path = tmp_path / "store.db"
    database = opened(path)
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES ('held')")
        Database(path)
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
        assert b"database is locked" in other.stderr
    database.close()


@pytest.mark.parametrize("below", ["", "inner"])
def test_a_folder_that_is_a_link_to_nothing_is_told_as_that(tmp_path: Path, below: str) -> None:
    """With the link, its target, and what to do; nothing is made at the target."""
    link, target = tmp_path / "state", tmp_path / "unmounted" / "state"
    link.symlink_to(target)
    path = link / below / "store.db"
    with pytest.raises(StoreError) as error:
        Database(path)
    assert str(error.value) == (
        f"the store {path} cannot be used: {link} is a link, and its target {target} is missing. Make that "
        "folder, or let the link lead to an existing one. REVIEWLENS_STATE_DIR sets its folder"
    )
    assert not target.parent.exists()
    with pytest.raises(StackError, match="is a link, and its target"):
        private.folder(link / below)
