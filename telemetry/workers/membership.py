"""Whether this process counts, and where: as one that serves alone, as one of several, or not yet.

A server's parent may import the application too, and any process may be forked to lend a CPU. None of them
is a worker: until a process serves, or records more than 0, it counts nothing, pushes nothing, and has no
number. A forked process begins so again, at 0.
"""

from __future__ import annotations

import logging
import multiprocessing.util
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from telemetry import posix
from telemetry.guard import guard
from telemetry.workers import folders as groupfolders
from telemetry.workers import process as processes
from telemetry.workers.address import is_server
from telemetry.workers.worker import Worker

FORK_SECONDS = 1.0
"""How long a fork waits for a collection that is going on."""
MARK = "_TELEMETRY_WORKER"
"""Says to the processes that this one starts where it counts: process id, when it began, the first number
that they may have, the folder."""

_log = logging.getLogger("telemetry")


class Place(NamedTuple):
    """A group's folder, and the first number that a process may have in it; None where it is alone there.
    `port` names the group's instances, where one is known."""

    folder: Path
    first: int | None
    port: int | None = None


class Membership:
    """This process among those that count together. `settle` is called once it has its place, or none."""

    def __init__(self, worker: Worker, environ: Mapping[str, str], settle: Callable[[], None]) -> None:
        self._worker, self._environ, self._settle = worker, environ, settle
        self.is_successor = _is_successor(environ)
        self._lock = threading.RLock()
        self._is_taking = False
        self._above: Place | None = None
        self.port: int | None = None
        self.is_quiet = self.is_copy = self.has_failed = False
        self.awaits_requests = False

    def rest(self) -> None:
        """Count nothing until there is something to count; what others count in its group is seen."""
        self._worker.folder = groupfolders.of(self._environ, os.getpid())
        self._pause()

    def _pause(self) -> None:
        self.is_quiet = True
        self._worker.cells.pause(self.take_part)

    def take_part(self, serves: bool = False) -> None:
        """Count from now on, if this process does not yet. A folder that cannot be used leaves it alone: one
        line says so."""
        if serves:
            self._worker.serves = True
        if not self.is_quiet:
            return
        with self._lock:
            if self.is_quiet and not self._is_taking:
                self._is_taking = True
                try:
                    self._take(serves)
                finally:
                    self._is_taking = False

    def _take(self, serves: bool) -> None:
        """Faults are counted after it, where there is a place for them."""
        count, guard.count = guard.count, None
        try:
            found = place(self._environ, self._above)
            self.port = found.port
            self._join(found)
        except Exception as error:
            _log.error("telemetry of several workers cannot be put together: %s", error)
            self.has_failed = True
            self._worker.folder = None
            self._worker.cells.move(None)
            guard.count_fault("record")
        self.is_quiet = False
        self._worker.serves = serves
        self._settle()
        if self._worker.folder:
            os.environ[MARK] = _mark(self._below())
        guard.count = count
        guard.count_due()

    def _join(self, found: Place) -> None:
        if found.first is not None:
            self._worker.join(groupfolders.make(found.folder), found.first)
        else:
            self._worker.folder = found.folder
            self._worker.cells.resume()

    def _below(self) -> Place:
        """Where the processes count that this one starts."""
        return Place(self._worker.home, 0 if self._worker.is_filed else 1, self.port)

    def forked(self) -> None:
        """In a process just forked: leave all that is the parent's, and begin as if just started."""
        if not self.is_quiet and self._worker.folder:
            self._above = self._below()
        self._lock = threading.RLock()
        self._worker.forked()
        self._worker.cells.move(None)  # at once: a new series would be written to the parent's file
        self.is_copy = True
        self._is_taking = self.has_failed = False
        self._pause()

    def may_push(self) -> bool:
        """Whether to push: a process that counts does. A job that has counted nothing yet does as well, so
        that its series are there at 0; what looks like one may be the parent of workers."""
        if not self.is_quiet:
            return True
        is_no_job = self.awaits_requests or self.is_copy or is_server() or processes.is_helper()
        return not (is_no_job or processes.parent(self._environ) or self._worker.other_workers())

    @property
    def group(self) -> Path | None:
        """The folder that this process shares with other workers; None where it is alone."""
        return self._worker.folder if self._worker.is_filed else None

    @property
    def is_shared(self) -> bool:
        """Whether this process is one of several, or an arbiter that will fork them."""
        is_of_several = self.group or processes.parent(self._environ)
        return bool(is_of_several or processes.is_of_gunicorn(self._environ))

    @property
    def may_wait(self) -> bool:
        """Whether a worker may have the metrics' port whose folder this one does not share."""
        is_apart = not self.group and self.is_shared
        return self.is_successor or processes.replaces_another(self._environ) or is_apart

    @property
    def name(self) -> str:
        """What tells this process from the others of its group; nothing for the first."""
        if self.has_failed:
            return str(os.getpid())
        return str(self._worker.number or "")

    @property
    def root(self) -> int | None:
        """The process that the group is known by."""
        return groupfolders.root(self._worker.folder) if self._worker.folder else None


def place(environ: Mapping[str, str], above: Place | None = None) -> Place:
    """Where a process counts that has something to count. `above`: where the one counted that it was forked
    from."""
    if above is not None:
        return above
    parent = processes.parent(environ)
    if parent is not None:
        return _marked(parent) or Place(groupfolders.of(environ, parent), 0)
    # An arbiter that counts while it loads the application: its workers tell that too.
    first = 0 if processes.is_of_gunicorn(environ) else None
    return Place(groupfolders.of(environ, os.getpid()), first)


def _is_successor(environ: Mapping[str, str]) -> bool:
    """Whether workers of its server have served before this process: what was right when the server started
    must not end it now, and each process that takes its place."""
    parent = processes.parent(environ)
    try:
        return parent is not None and bool(groupfolders.listed(place(environ).folder))
    except OSError:
        return False


def _mark(below: Place) -> str:
    pid = os.getpid()
    return f"{pid} {processes.began(pid)} {below.first} {below.port or 0} {below.folder}"


def _marked(parent: int) -> Place | None:
    """Where the parent counts, if it does."""
    pid, began, first, port, folder = (os.environ.get(MARK, "").split(" ", 4) + [""] * 5)[:5]
    if pid != str(parent) or began != processes.began(parent):
        return None
    return Place(Path(folder), int(first), int(port) or None)


def at_end(work: Callable[[], None]) -> None:
    """Run `work` where a process of multiprocessing ends: it runs nothing that is registered with atexit."""
    if multiprocessing.parent_process() is not None:
        multiprocessing.util.Finalize(None, work, exitpriority=0)


def at_fork(collecting: threading.Lock, in_child: Callable[[], None]) -> None:
    """Run `in_child` in every process that this one forks. `collecting` is held then, so that no thread is in
    a collection: the child would have its locks for ever, and nobody to open them."""
    held: list[threading.Lock] = []

    def before() -> None:
        if collecting.acquire(timeout=FORK_SECONDS):
            held.append(collecting)

    def after() -> None:
        while held:
            held.pop().release()

    def child() -> None:
        after()
        in_child()

    # After the SDK's own, which gives each forked process an instance that no restart has again.
    posix.at_fork(before=before, after_in_parent=after, after_in_child=child)
