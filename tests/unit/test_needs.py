"""Markers of tests: found in what a test uses, and a guard over tests that have none."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from support.live import serving
from support.needs import AuditGuard, needs_of
from support.redis_server import redis_server


def asks_redis() -> None:
    """Uses it in a block within."""

    def within() -> None:
        with redis_server():
            pass

    within()


def serves() -> None:
    """Uses what serves by way of another."""
    with serving(lambda: None):
        asks_redis()


@pytest.mark.parametrize(
    ("function", "needs"),
    [(asks_redis, {"redis", "process"}), (serves, {"redis", "process", "server"}), (len, set())],
)
def test_needs_are_found_in_what_is_used(function: Callable[..., object], needs: set[str]) -> None:
    """Also in what that uses, within tests/."""
    assert needs_of([function]) == needs


@pytest.mark.parametrize("markers", [set(), {"fast"}, {"slow"}])
def test_a_test_without_needs_opens_no_socket(markers: set[str]) -> None:
    """It is refused, and told where the refusal was borne."""
    guard = AuditGuard()
    with guard.over(markers), socket.socket() as opened, pytest.raises(PermissionError, match="no marker"):
        opened.bind(("127.0.0.1", 0))
    with pytest.raises(AssertionError):
        guard.check()


def test_a_test_that_serves_may() -> None:
    """And nothing is held against it."""
    guard = AuditGuard()
    with guard.over({"server"}), socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
    guard.check()
