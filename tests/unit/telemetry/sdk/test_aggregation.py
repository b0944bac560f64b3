"""Aggregations in cells: what a first recording asks them, and what they count meanwhile."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from telemetry.metrics import dialogue_turns_total
from telemetry.store.cells import Cells
from telemetry.testing import Recorded


def test_what_a_signal_handler_records_amid_a_first_recording_counts(
    metrics: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while the SDK makes the series that a handle asks for, and is a recording, not a question."""
    assert metrics.pipeline._provider
    cups = metrics.pipeline._provider.get_meter("their.own").create_counter("cups_total")
    cups.add(1)
    claim, interruptions = Cells.claim, []

    def interrupted(*given: Any) -> Any:
        interruptions.append(given)
        signal.raise_signal(signal.SIGUSR1)
        return claim(*given)

    before = signal.signal(signal.SIGUSR1, lambda *_: cups.add(2))
    try:
        monkeypatch.setattr(Cells, "claim", interrupted)
        dialogue_turns_total.labels(category="chair").inc(5)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert metrics.value("dialogue_turns_total", category="chair") == 5
    assert interruptions
    assert metrics.total("cups_total") == 1 + 2 * len(interruptions)
