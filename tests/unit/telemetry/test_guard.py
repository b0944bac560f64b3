"""The guard: faults inside telemetry are counted, logged once per spell, and stay inside."""

from __future__ import annotations

import logging

import pytest
from support.clocks import SetClock

from telemetry.guard import Guard, Step


class Ledger:
    """Takes counts, or fails to."""

    def __init__(self) -> None:
        self.counts: list[tuple[Step, int]] = []
        self.broken = False

    def __call__(self, step: Step, number: int) -> None:
        if self.broken:
            raise RuntimeError("the counter is broken")
        self.counts.append((step, number))


def fault(guard: Guard, step: Step = "record") -> None:
    """One fault, as telemetry code meets it."""
    try:
        raise ValueError("inside telemetry")
    except ValueError:
        guard.fault(step)


def lenient(clock: SetClock | None = None) -> tuple[Guard, Ledger]:
    """A guard as in production."""
    guard, ledger = Guard(clock or SetClock()), Ledger()
    guard.count = ledger
    return guard, ledger


def test_where_strict_a_fault_raises() -> None:
    """Bugs do not hide in tests that switched it on: the very exception comes back."""
    guard, _ = lenient()
    guard.strict = True
    with pytest.raises(ValueError, match="inside telemetry"):
        fault(guard)


def test_what_is_imported_switches_nothing_on() -> None:
    """pytest is imported here, and may be in a served process by another library."""
    guard, ledger = lenient()
    fault(guard)
    assert ledger.counts == [("record", 1)]


def test_in_production_a_fault_is_counted_and_nothing_raises() -> None:
    """Each fault is one count of its step."""
    guard, ledger = lenient()
    for step in ("record", "export", "record", "render"):
        fault(guard, step)
    assert ledger.counts == [("record", 1), ("export", 1), ("record", 1), ("render", 1)]


def test_a_fault_told_under_a_lock_is_logged_at_once_and_counted_at_the_next_occasion(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard, ledger = lenient()
    try:
        raise OSError("no space")
    except OSError:
        guard.later("record")
    assert "no space" in caplog.text
    assert ledger.counts == []
    guard.count_due()
    assert ledger.counts == [("record", 1)]


def test_a_spell_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Faults with less than a minute between them are one line; a quiet minute ends the spell."""
    clock = SetClock()
    guard, ledger = lenient(clock)
    logged = []
    for now in (0.0, 1.0, 59.0, 118.9, 178.9, 179.0, 300.0):
        clock.now = now
        caplog.clear()
        fault(guard)
        logged.append(len([r for r in caplog.records if r.levelno >= logging.ERROR]))
    assert logged == [1, 0, 0, 0, 1, 0, 1]
    assert len(ledger.counts) == 7


def test_a_clock_that_goes_back_ends_a_spell(caplog: pytest.LogCaptureFixture) -> None:
    """Else nothing would be logged until it has caught up."""
    clock = SetClock()
    guard, _ = lenient(clock)
    for now in (7200.0, 3600.0, 3601.0):
        clock.now = now
        fault(guard)
    assert len(caplog.records) == 2


def test_a_log_that_fails_too_is_nothing_that_a_request_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler of the application's own may raise; the fault is counted all the same."""
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda *_: 1 / 0)
    guard, ledger = lenient()
    fault(guard)
    guard.report("render", "broken")
    assert ledger.counts == [("record", 1), ("render", 1)]


def test_the_log_line_has_the_step_and_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads the log sees what failed."""
    guard, _ = lenient()
    fault(guard, "export")
    (record,) = caplog.records
    assert record.getMessage() == "telemetry fault in export; the request is untouched"
    assert record.name == "telemetry"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "inside telemetry"


def test_steps_have_spells_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in export is logged though one in record just was."""
    guard, _ = lenient()
    for step in ("record", "export", "record"):
        fault(guard, step)
    assert [record.args for record in caplog.records] == [("record",), ("export",)]


def test_faults_stay_due_until_they_can_be_counted() -> None:
    """Neither a counter that is not there yet nor one that is broken loses a fault."""
    guard, ledger = lenient()
    guard.count = None
    fault(guard)
    fault(guard, "export")
    guard.count, ledger.broken = ledger, True
    fault(guard)
    assert ledger.counts == []
    ledger.broken = False
    guard.count_due()
    assert dict(ledger.counts) == {"record": 2, "export": 1}
    guard.count_due()
    assert len(ledger.counts) == 2


def test_counting_may_fault_by_itself() -> None:
    """A fault that arises while faults are counted is counted too, and once."""
    guard, ledger = lenient()
    seen: list[int] = []

    def count(step: Step, number: int) -> None:
        seen.append(number)
        if len(seen) == 1:
            fault(guard, "export")
        ledger(step, number)

    guard.count = count
    fault(guard)
    assert sorted(ledger.counts) == [("export", 1), ("record", 1)]
