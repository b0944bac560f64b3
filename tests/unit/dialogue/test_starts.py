"""How much one client may start: counted for all workers as one, in either store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.requests import Request
from support.session_stores import Stores, sqlite_stores

from app.api.starts import MOST_REMEMBERED, Starts, network
from app.dialogue.store import SessionStore
from app.errors import TooMany
from telemetry.testing import StepClock


def asked_by(host: str | None) -> Request:
    return Request({"type": "http", "client": host and (host, 1234)})


def admitted(starts: Starts, host: str | None = "192.0.2.1") -> bool:
    try:
        starts.admit(asked_by(host))
    except TooMany as refused:
        assert 0 < refused.retry_seconds <= 60
        assert f"try again in {refused.retry_seconds} s" in str(refused)
        return False
    return True


@pytest.fixture
def store(stores: Stores) -> SessionStore:
    return stores(StepClock(step=0.0, start=1_000_000.5))


def test_workers_count_a_client_together_and_clients_apart(stores: Stores) -> None:
    """Who is refused by one is refused by the other, and nobody else is."""
    clock = StepClock(step=0.0, start=1_000_000.5)
    here, there = Starts(stores(clock), 3), Starts(stores(clock), 3)
    assert [admitted(at) for at in (here, there, here, there, here)] == [True] * 3 + [False] * 2
    assert admitted(there, "192.0.2.2")


def test_a_client_may_start_again_when_its_minute_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals do not put that off. Redis ends a count by its own clock."""
    clock = StepClock(step=0.0, start=1_000_000.5)
    monkeypatch.setattr(time, "time", clock)
    with sqlite_stores(tmp_path) as stores:
        starts = Starts(stores(clock), 1)
        assert [admitted(starts) for _ in range(3)] == [True, False, False]
        clock.now += 59
        assert not admitted(starts)
        clock.now += 2
        assert [admitted(starts) for _ in range(2)] == [True, False]


def test_a_refused_client_costs_the_store_nothing(store: SessionStore) -> None:
    """A flood of refused requests would else take the file's one lock from shoppers."""
    starts = Starts(store, 1)
    asked = []
    tally = store.tally
    store.tally = lambda *given: asked.append(given) or tally(*given)  # type: ignore[method-assign,func-returns-value]
    assert [admitted(starts) for _ in range(50)] == [True] + [False] * 49
    assert len(asked) == 2


def test_what_is_remembered_of_refused_clients_has_a_bound(store: SessionStore) -> None:
    """They may be any number."""
    starts = Starts(store, 1)
    for number in range(MOST_REMEMBERED + 5):
        starts._remember(str(number), 2e9)
    assert len(starts._refused) <= MOST_REMEMBERED


def test_one_line_tells_of_a_flood(store: SessionStore, caplog: pytest.LogCaptureFixture) -> None:
    """With the setting, and with what to do where the client is a proxy."""
    starts = Starts(store, 1)
    for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        assert [admitted(starts, host) for _ in range(3)] == [True, False, False]
    (line,) = caplog.messages
    assert "REVIEWLENS_SESSIONS_PER_MINUTE=1" in line
    assert "FORWARDED_ALLOW_IPS" in line


def test_nobody_is_limited_by_zero_nor_without_an_address(store: SessionStore) -> None:
    """Over a socket of the machine, everybody has none."""
    assert all(admitted(Starts(store, 0)) for _ in range(5))
    assert all(admitted(Starts(store, 1), None) for _ in range(5))


@pytest.mark.parametrize(
    ("host", "whom"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_customer_is_one_client(host: str, whom: str) -> None:
    """It has 2**64 addresses at least."""
    assert network(host) == whom
