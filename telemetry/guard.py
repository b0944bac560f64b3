"""The one guard: a fault inside telemetry is counted and logged, and never reaches a response."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from telemetry.posix import forkable_lock

Step = Literal["record", "export", "render"]

SPELL_SECONDS = 60.0

_log = logging.getLogger("telemetry")


class Guard:
    """Counts faults by step. A spell is a run of faults with less than a minute between them.

    `strict`: faults raise instead. TELEMETRY_STRICT and the fixture of telemetry.testing switch it on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.strict = False
        self.count: Callable[[Step, int], None] | None = None
        self._clock = clock
        self._lock = forkable_lock(self)
        self._last: dict[str, float] = {}
        self._due: Counter[Step] = Counter()

    def fault(self, step: Step, place: str = "") -> None:
        """Deal with the exception being handled: count it, log it once per spell; re-raise where strict.
        `place`: of the call that is wrong, which has spells of its own."""
        if self.strict:
            raise  # noqa: PLE0704 - called from an except block only
        self.later(step, place)
        self.count_due()

    def later(self, step: Step, place: str = "") -> None:
        """As fault(), but it is counted at the next scrape, push or fault, and never raised: where the
        instrument that counts it may be what the caller has locked."""
        self._add(step)
        where = f"{step} at {place}" if place else step
        if self._is_new_spell(where):
            _say("telemetry fault in %s; the request is untouched", where, exc_info=True)

    def report(self, step: Step, message: str, *args: object) -> None:
        """Count a fault that is no exception, and log what it is, once per spell."""
        self.say(message, *args)
        self.count_fault(step)

    def say(self, message: str, *args: object) -> None:
        """Log what is wrong and costs no number, once per spell."""
        if self._is_new_spell(message % args):
            _say(message, *args)

    def _is_new_spell(self, of: str) -> bool:
        """Whether it is the first for a minute."""
        now = self._clock()
        with self._lock:
            is_new = not 0 <= now - self._last.get(of, -math.inf) < SPELL_SECONDS
            self._last[of] = now
        return is_new

    def count_fault(self, step: Step) -> None:
        """Count a fault that is logged elsewhere, or was."""
        self._add(step)
        self.count_due()

    def _add(self, step: Step) -> None:
        with self._lock:
            self._due[step] += 1

    def count_due(self) -> None:
        """Count the faults that are not counted yet. `count` may itself be what fails: then they stay due."""
        count = self.count
        if count is None:
            return
        with self._lock:
            due, self._due = self._due, Counter()
        for step, number in due.items():
            try:
                count(step, number)
            except Exception:
                _log.debug("a telemetry fault could not be counted yet", exc_info=True)
                with self._lock:
                    self._due[step] += number


def _say(message: str, *values: object, exc_info: bool = False) -> None:
    """Log it; a log that is itself at fault is nothing that a request may see."""
    with suppress(Exception):
        _log.error(message, *values, exc_info=exc_info)


guard = Guard()
