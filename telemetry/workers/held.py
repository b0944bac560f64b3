"""What an application has set in a gauge: in memory where its process serves alone, else in one file of its
group, so that every worker exports the same.

Not in the workers' cells: these are added up and never removed, and one process writes each.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from telemetry.posix import forkable_lock
from telemetry.private import private_file
from telemetry.workers.folders import HELD

Values = tuple[str, ...]

PATIENT_SECONDS = 1.0
"""For other workers to have written; each takes some 70 µs."""
_TABLE = "CREATE TABLE IF NOT EXISTS held (gauge TEXT, labels TEXT, amount REAL, PRIMARY KEY (gauge, labels))"
_WRITE = "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT (gauge, labels) DO "
_SET = _WRITE + "UPDATE SET amount = excluded.amount"
_ADD = _WRITE + "UPDATE SET amount = amount + excluded.amount"
_BEGIN = _WRITE + "NOTHING"
_DROP = "DELETE FROM held WHERE gauge = ? AND labels = ?"
_ALL = "SELECT labels, amount FROM held WHERE gauge = ?"


class Group(Protocol):
    """This process among its workers."""

    @property
    def is_filed(self) -> bool: ...

    @property
    def home(self) -> Path: ...


class HeldValues:
    """The series of one gauge that an application has set, by the values of their labels. Each call raises
    OSError or sqlite3.Error where the group's file cannot be used."""

    def __init__(self, gauge: str) -> None:
        self._gauge = gauge
        self._lock = forkable_lock(self)
        self._group: Group | None = None
        self._memory: dict[Values, float] = {}
        self._shared: tuple[Path, sqlite3.Connection] | None = None
        self._parents: list[object] = []

    def share(self, group: Group) -> None:
        """Keep them for the whole group from now on, once this process is one of several."""
        self._group = group

    def forget(self) -> None:
        """Leave the group, which goes on, and hold nothing."""
        with self._lock:
            if self._shared:
                self._shared[1].close()
            self._group = self._shared = None
            self._memory.clear()

    def forked(self) -> None:
        """In a process just forked: the parent's connection may not be used, nor closed."""
        self._parents.append(self._shared)
        self._shared = None

    def set(self, values: Values, amount: float) -> None:
        """Hold an amount, whoever has set another."""
        with self._lock, self._open() as shared:
            if shared:
                shared.execute(_SET, self._row(values, amount))
            else:
                self._memory[values] = amount

    def add(self, values: Values, amount: float) -> None:
        """Add to what is held, from 0."""
        with self._lock, self._open() as shared:
            if shared:
                shared.execute(_ADD, self._row(values, amount))
            else:
                self._memory[values] = self._memory.get(values, 0.0) + amount

    def drop(self, values: Values) -> None:
        """Hold it no more."""
        with self._lock, self._open() as shared:
            if shared:
                shared.execute(_DROP, (self._gauge, json.dumps(values)))
            else:
                self._memory.pop(values, None)

    def all(self) -> dict[Values, float]:
        """Every one of them now."""
        with self._lock, self._open(is_read=True) as shared:
            if not shared:
                return dict(self._memory)
            # SQLite knows no NaN: it is a NULL there.
            rows = shared.execute(_ALL, (self._gauge,))
            return {tuple(json.loads(labels)): math.nan if n is None else n for labels, n in rows}

    def _row(self, values: Values, amount: float) -> tuple[str, str, float]:
        return self._gauge, json.dumps(values), amount

    @contextmanager
    def _open(self, is_read: bool = False) -> Iterator[sqlite3.Connection | None]:
        """The group's file; None where there is none. What was set before this process had a group begins
        there, where nobody has set another."""
        group = self._group
        path = group.home / HELD if group and group.is_filed else None
        if path is None or (is_read and not self._memory and not path.exists()):
            yield None
            return
        shared = self._connection(path)
        while self._memory:
            shared.execute(_BEGIN, self._row(*self._memory.popitem()))
        yield shared

    def _connection(self, path: Path) -> sqlite3.Connection:
        if self._shared is None or self._shared[0] != path:
            os.close(private_file(path))
            made = sqlite3.connect(path, PATIENT_SECONDS, isolation_level=None, check_same_thread=False)
            # A machine that fails takes the group along, so nothing is synced.
            try:
                for statement in ("PRAGMA synchronous = OFF", "PRAGMA journal_mode = WAL", _TABLE):
                    made.execute(statement)
            except sqlite3.Error:
                made.close()
                raise
            self._shared = path, made
        return self._shared[1]
