"""The collector, and a Prometheus that takes OTLP: got before the first test that needs them.

A first build takes minutes, which is no test's time. These tests go last: a build in the background is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from scripts.stack.binaries import obtain
from scripts.stack.errors import UnavailableError


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """This folder's tests after all others."""
    items.sort(key=lambda item: "collector" in item.path.parts)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Outside the time limit of a test. What cannot be had is told by the test that needs it."""
    with suppress(UnavailableError):
        obtain("otelcol")
        obtain("prometheus", "3.12")
    return (yield)
