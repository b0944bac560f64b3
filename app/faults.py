"""The faults of the store and their remedies, in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Wrong statements of ours. Every other error is about the file, its disk, or who else uses it.
OURS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.NotSupportedError)

# What a request that met the fault may count on.
PASSES = "nothing was lost; try again"
LASTS = "it stays so until its operator has seen to it"
UNSURE = "nothing was written; try again later"
PERHAPS_DONE = "whether it was done is not known; look before you try again"

_MAY_NOT_WRITE = "See that the folder can be made and that this user may write to it"
_DAMAGED = "Put a copy back, or move the file away: a new one is made, without its imports and dialogues"
_FREE_SPACE = "Free space: `df -h {path.parent}`"
# Part of the reason -> the remedy, the outlook. SQLite gives no error code before Python 3.11.
REMEDIES = {
    "locked": ("Another program holds it: `fuser -v {path}` names it", PASSES),
    "full": (_FREE_SPACE, PASSES),
    "No space": (_FREE_SPACE, PASSES),
    "quota": (_FREE_SPACE, PASSES),
    "disk I/O": ("Its disk is full or failing: `df -h {path.parent}`, then the system's log", UNSURE),
    "not a database": (_DAMAGED, LASTS),
    "malformed": (_DAMAGED, LASTS),
    "is a link": ("Make that folder, or let the link lead to an existing one", LASTS),
    "Not a directory": (f"A file stands where its folder should be. {_MAY_NOT_WRITE}", LASTS),
    "no such table": ("The file was taken away or replaced: start the service again", LASTS),
    "Permission denied": (_MAY_NOT_WRITE, LASTS),
    "not permitted": (_MAY_NOT_WRITE, LASTS),
    "readonly": (f"{_MAY_NOT_WRITE}, and that the file was not replaced", UNSURE),
    "Read-only": ("Its disk is mounted read-only: `findmnt -T {path.parent}`", LASTS),
    "unable to open": (f"{_MAY_NOT_WRITE}, and that file handles are left: `ulimit -n`", UNSURE),
    "Too many open files": ("Raise the limit of open files: `ulimit -n`", PASSES),
    "out of memory": ("Memory is used up: see the system's log", PASSES),
}
_ELSE = ("See the system's log", UNSURE)


class StoreError(RuntimeError):
    """An unusable store, in one line: its place, the reason, the remedy.

    `reason`: the words for the public, if they differ. `prospect`: the outlook.
    """

    def __init__(self, line: str, reason: str = "", prospect: str = UNSURE) -> None:
        super().__init__(line)
        self.reason = reason or line
        self.prospect = prospect


def of_the_store(error: BaseException) -> bool:
    """Whether the store is what failed, and not a statement of ours."""
    if isinstance(error, StoreError):
        return True
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, OURS)


def reason(error: BaseException) -> str:
    """The fault without its place, which is nobody's outside."""
    return error.reason if isinstance(error, StoreError) else str(error)


def prospect(error: BaseException) -> str:
    """What a request that met the fault may count on."""
    return error.prospect if isinstance(error, StoreError) else _remedy(str(error))[1]


def _remedy(reason: str) -> tuple[str, str]:
    return next((words for sign, words in REMEDIES.items() if sign in reason), _ELSE)


def explain(path: Path, error: BaseException) -> str:
    """The fault in one line: SQLite's, whose file is at `path`, or a store's own words."""
    if isinstance(error, StoreError):
        return str(error)
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    remedy, _ = _remedy(reason)
    return (
        f"the store {path} cannot be used: {reason}. {remedy.format(path=path)}. "
        "REVIEWLENS_STATE_DIR sets its folder"
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's faults with the store at `path` leave the block as StoreError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not of_the_store(error):
            raise
        raise StoreError(explain(path, error), str(error), prospect(error)) from error
