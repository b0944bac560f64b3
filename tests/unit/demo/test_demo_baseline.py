"""Before the first scenario: has Prometheus caught up with the API, and how sure is that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain, count, repeat

import httpx
import pytest
from support.fake_prometheus import FakePrometheus, vector
from support.silent_progress import SilentProgress

from app.demo.run import Driver, NotPossibleError
from app.demo.scenarios import QUICK
from telemetry.doctor.prometheus import Sample


def prepared(page: Callable[[], httpx.Response], held: Iterable[int | None], patience: float) -> str:
    """What prepare() says of an API with this /metrics, and of a Prometheus that holds so many sessions."""
    sessions = iter(held)

    def answer(expr: str) -> list[Sample]:
        if expr == "time()":
            return vector(({}, 17.0))
        number = next(sessions)
        labels = {"__name__": "dialogue_sessions_total", "category": "chair"}
        return vector() if number is None else vector((labels, number))

    api = httpx.AsyncClient(base_url="http://api", transport=httpx.MockTransport(lambda _: page()))
    driver = Driver(api, FakePrometheus(answer=answer), None, SilentProgress(), patience=patience)
    return asyncio.run(driver.prepare(QUICK))


def shows(sessions: int) -> httpx.Response:
    """A /metrics page."""
    text = f'# TYPE dialogue_sessions_total counter\ndialogue_sessions_total{{category="chair"}} {sessions}\n'
    return httpx.Response(200, text=text)


def test_it_waits_until_prometheus_holds_what_the_api_shows() -> None:
    """A scrape that is behind is no baseline, nor is none at all."""
    held = chain((None, 3), repeat(5))
    assert prepared(lambda: shows(5), held, patience=10) == ""
    assert next(held) == 5


def test_an_api_in_use_is_told() -> None:
    """Its numbers run ahead of every scrape: the demo goes on, with a warning."""
    ahead = count(10)
    warning = prepared(lambda: shows(next(ahead)), repeat(1), patience=0.3)
    assert warning == (
        "waited 0.3 s for Prometheus to hold what /metrics shows: "
        "somebody else uses this API, and what they do is counted here too"
    )


@pytest.mark.parametrize("status", [401, 404])
def test_an_api_that_does_not_show_its_metrics_here_is_waited_for(status: int) -> None:
    """With a token of the scraper's, at a port of their own, or pushed alone: Prometheus has them."""
    held = chain((None, 3), repeat(5))
    assert prepared(lambda: httpx.Response(status), held, patience=1.5) == ""
    assert next(held) == 5


@pytest.mark.parametrize("page", [shows(0), httpx.Response(404)], ids=["scraped", "pushed"])
def test_a_prometheus_without_the_api_is_told_with_the_page_that_says_why(page: httpx.Response) -> None:
    """There is nothing to compare with."""
    with pytest.raises(
        NotPossibleError, match=r"Prometheus holds no number of this API .*see its page /targets"
    ):
        prepared(lambda: page, repeat(None), patience=0.3)


def test_an_api_that_only_pushes_is_given_time_to_be_counted() -> None:
    """It has no /metrics: the numbers must stand still for a while."""
    held = chain((1, 2), repeat(3))
    assert prepared(lambda: httpx.Response(404), held, patience=1) == ""
    assert next(held) == 3


def test_numbers_that_never_stand_still_are_told() -> None:
    """The demo goes on, with a warning."""
    warning = prepared(lambda: httpx.Response(404), count(), patience=0.6)
    assert warning.startswith("waited 1.2 s for the numbers to stand still: somebody else uses this API")
