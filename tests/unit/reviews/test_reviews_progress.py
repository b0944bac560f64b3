"""How far an import has come, as its user sees it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from app.reviews.progress import shown
from telemetry.testing import StepClock


def test_a_log_gets_a_line_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none of an import that ends before."""
    monkeypatch.setattr("app.reviews.progress.time.monotonic", StepClock(step=10))
    log = StringIO()
    with shown(Console(file=log)) as show:
        for done in range(1, 8):
            show(1_000 * done, 1_000_000)
    assert log.getvalue() == (
        "analysing reviews: 3,000 of 1,000,000\nanalysing reviews: 6,000 of 1,000,000\n"
    )


def test_a_terminal_gets_a_bar_that_goes_at_the_end() -> None:
    """With both numbers."""
    terminal = StringIO()
    with shown(Console(file=terminal, force_terminal=True, width=120)) as show:
        show(3, 10)
    assert "analysing reviews" in terminal.getvalue()
    assert "3/10" in terminal.getvalue()
