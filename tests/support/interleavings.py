"""Threads one at a time, in every order that a bounded number of preemptions can give: the same each run.

A thread is preempted only where the interpreter itself may do so: as a Python function begins, after a call,
and as a loop goes round. Only code in telemetry/ counts; what it calls elsewhere runs in one piece.
"""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

Schedule = tuple[int, ...]
"""How many switch points a thread passes until the next one goes on; after the last, each runs to its end."""
TRACED = str(Path(__file__).parents[2] / "telemetry")
MAKERS = ("telemetry.", "opentelemetry.sdk.")
SECONDS = 20.0
_SWITCHES = {
    code for name, code in dis.opmap.items() if name.startswith(("CALL", "JUMP_ABSOLUTE", "JUMP_BACKWARD"))
}
_LOCKS: dict[str, Callable[[], Any]] = {"Lock": threading.Lock, "RLock": threading.RLock}
_scheduled = threading.local()


class Race(NamedTuple):
    """What each thread does; then what has come of it, and what is right."""

    works: Sequence[Callable[[], object]]
    outcome: Callable[[], object]
    right: object


class Turn:
    """One thread under a schedule."""

    def __init__(self, work: Callable[[], object], among: Interleaved) -> None:
        self._work, self._among = work, among
        self.may_go = threading.Semaphore(0)
        self.has_ended = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._last: tuple[FrameType, int] | None = None

    def _run(self) -> None:
        self.may_go.acquire()
        _scheduled.among = self._among
        sys.settrace(self._enter)
        try:
            self._work()
        except BaseException as error:
            self.error = error
        finally:
            sys.settrace(None)
            _scheduled.among = None
            self.has_ended = True
            self._among.ended()

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self._among.point()
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            last, self._last = self._last, (frame, frame.f_code.co_code[frame.f_lasti])
            if last and (last[0] is not frame or last[1] in _SWITCHES):
                self._among.point()
        return self._step


class Interleaved:
    """Some threads under one schedule. `left`: the points passed after the schedule's last preemption, until
    a thread came to its end."""

    def __init__(self, works: Sequence[Callable[[], object]], schedule: Schedule) -> None:
        self._turns = [Turn(work, self) for work in works]
        self._schedule = [*schedule]
        self._at = self._passed = self._waits = 0
        self.left = -1
        self._over = threading.Semaphore(0)

    def run(self) -> None:
        """Run all to their ends. Raises what one of them raised."""
        for turn in self._turns:
            turn.thread.start()
        self._turns[0].may_go.release()
        assert self._over.acquire(timeout=SECONDS), "a thread waits for what is no lock of these"
        for turn in self._turns:
            turn.thread.join()
            if turn.error:
                raise turn.error

    def point(self) -> None:
        """A place where the running thread may be preempted."""
        self._waits = 0
        if self._schedule and self._passed == self._schedule[0]:
            del self._schedule[0]
            self._passed = 0
            self._switch()
        else:
            self._passed += 1

    def wait(self) -> None:
        """The running thread cannot have a lock: the next one goes on meanwhile."""
        self._waits += 1
        assert self._waits <= 2 * len(self._turns), "every thread waits for another"
        self._switch()

    def ended(self) -> None:
        """The running thread has come to its end."""
        if self.left < 0:
            self.left = 0 if self._schedule else self._passed
        self._schedule = []
        if all(turn.has_ended for turn in self._turns):
            self._over.release()
        else:
            self._next().may_go.release()

    def _switch(self) -> None:
        here = self._turns[self._at]
        after = self._next()
        if after is not here:
            after.may_go.release()
            here.may_go.acquire()

    def _next(self) -> Turn:
        count = len(self._turns)
        places = (at % count for at in range(self._at + 1, self._at + 1 + count))
        self._at = next(at for at in places if not self._turns[at].has_ended)
        return self._turns[self._at]


class CooperativeLock:
    """A lock whose waiting thread lets the others go on, where it is under a schedule."""

    def __init__(self, kind: str = "Lock") -> None:
        self._lock: Any = _LOCKS[kind]()
        self.release = self._lock.release

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As the lock does; under a schedule without a time-out."""
        among: Interleaved | None = getattr(_scheduled, "among", None)
        if among is None or not blocking:
            return bool(self._lock.acquire(blocking, timeout))
        while not self._lock.acquire(blocking=False):
            among.wait()
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


@contextmanager
def cooperative_locks() -> Iterator[None]:
    """Locks that telemetry and the SDK make within the block are cooperative."""
    ours = {kind: partial(CooperativeLock, kind) for kind in _LOCKS}
    threads = SimpleNamespace(**{**vars(threading), **ours})
    with ExitStack() as stack:
        for module in [one for name, one in sys.modules.items() if name.startswith(MAKERS)]:
            for name, there in [("threading", threading), *_LOCKS.items()]:
                if vars(module).get(name) is there:
                    stack.enter_context(mock.patch.object(module, name, ours.get(name, threads)))
        yield


def failures(
    scenario: Callable[[], Race], preemptions: int = 1, so_far: Schedule = ()
) -> Iterator[tuple[Schedule, object]]:
    """Every schedule of so many preemptions at most that goes wrong, and how; tried one after another."""
    works, outcome, right = scenario()
    threads = Interleaved(works, so_far)
    try:
        threads.run()
        if (got := outcome()) != right:
            yield so_far, got
    except Exception as error:
        yield so_far, error
    for at in range(threads.left if preemptions else 0):
        yield from failures(scenario, preemptions - 1, (*so_far, at))
