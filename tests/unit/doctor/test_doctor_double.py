"""When two feeds of a Prometheus are one process."""

from __future__ import annotations

import pytest

from telemetry.doctor.backend import Backend
from telemetry.doctor.double import Feed, double, same
from telemetry.doctor.prometheus import Sample, ScrapeTarget
from telemetry.doctor.subject import Subject

OK, BAD = ("GET", "/", "200"), ("GET", "/", "500")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(({OK: 9.0}, {OK: 4.0}), ({OK: 7.0}, {OK: 2.0}), True, id="the push lags behind"),
        pytest.param(({OK: 7.0}, {OK: 2.0}), ({OK: 9.0}, {OK: 4.0}), True, id="the scrape lags behind"),
        pytest.param(({OK: 7.0}, {}), ({OK: 7.0, BAD: 0.0}, {}), True, id="just started"),
        pytest.param(({OK: 9.0}, {OK: 8.0}), ({OK: 7.0}, {OK: 7.0}), False, id="too far behind"),
        pytest.param(
            ({OK: 9.0, BAD: 1.0}, {OK: 4.0}),
            ({OK: 7.0, BAD: 2.0}, {OK: 2.0}),
            False,
            id="ahead in one, behind in one",
        ),
    ],
)
def test_one_process_shows_in_numbers_that_go_together(
    one: tuple[dict[tuple[str, ...], float], ...],
    other: tuple[dict[tuple[str, ...], float], ...],
    expected: bool,
) -> None:
    """Every count of the one between before and now of the other, and so in either order."""
    assert same(Feed(*one), Feed(*other)) is expected
    assert same(Feed(*other), Feed(*one)) is expected


class Idle(Backend):
    """A Prometheus with one scraped and one pushed source that count nothing."""

    @property
    def exposing(self) -> list[ScrapeTarget]:
        """One target."""
        return [ScrapeTarget({"job": "backend", "instance": "here:8000"}, "", 10, "up", "")]

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        """Two sources at 0."""
        sources = ({"job": "backend", "instance": "here:8000"}, {"job": "reviewlens-api", "instance": "x:1"})
        return [
            Sample({**who, "method": "GET", "endpoint": "/", "status_code": "200"}, 0.0) for who in sources
        ]


def test_two_sources_that_count_nothing_are_not_condemned() -> None:
    """Zeros are alike for every process: a warning that says so."""
    (warning,) = double(Subject({}), Idle("http://prometheus", 1))
    assert (warning.id, warning.severity) == ("double.possible", "warning")
    assert "both idle" in warning.found
