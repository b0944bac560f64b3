"""Faults in telemetry raise where strictness is switched on, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.servers import HTTP, ROOT, run_app

from telemetry.guard import guard
from telemetry.metrics import dialogue_turns_total
from telemetry.record.handles import LabelError
from telemetry.testing import strict_telemetry, strictness

__all__ = ["strict_telemetry"]


@pytest.mark.parametrize(("setting", "status"), [("", 200), ("false", 200), ("true", 500)])
def test_a_served_process_is_strict_by_its_setting_alone(setting: str, status: int) -> None:
    """Though pytest and hypothesis are imported in it: a wrong label name is no failed request."""
    folder = ROOT / "tests" / "data"
    with run_app("strict_app:app", env={"TELEMETRY_STRICT": setting}, ready="/ready", cwd=folder) as served:
        assert HTTP.get(f"{served.url}/wrong-label").status_code == status


@pytest.fixture
def _as_in_production() -> Iterator[None]:
    with strictness(False):
        yield


@pytest.mark.usefixtures("_as_in_production", "strict_telemetry")
def test_the_fixture_switches_it_on() -> None:
    """A team asks for it by name."""
    assert guard.strict
    with pytest.raises(LabelError):
        dialogue_turns_total.labels(colour="red").inc()


def test_strictness_may_be_off_for_a_block() -> None:
    """What production does, within a test."""
    with strictness(False):
        dialogue_turns_total.labels(colour="red").inc()
