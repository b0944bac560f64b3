"""Other projects' tests pass with our telemetry in each application, as they pass without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from peers.suites import (
    ALONE,
    ARCHIVES,
    LOCK,
    REQUIREMENTS,
    SECONDS,
    SUITES,
    Outcomes,
    Suite,
    Way,
    differences,
    run,
    versions,
    worse,
)

pytestmark = [pytest.mark.peers, pytest.mark.timeout(4 * SECONDS)]


def _name(suite: Suite, way: Way) -> str:
    return "-".join([suite.project, *way.values()]).replace("-true", "-traces")


CASES = [pytest.param(suite, way, id=_name(suite, way)) for suite in SUITES for way in suite.ways]


@pytest.mark.parametrize(("suite", "way"), CASES)
def test_no_test_of_theirs_fails_for_us(suite: Suite, way: Way, alone: Callable[[Suite], Outcomes]) -> None:
    """But those in differences.yaml, which must fail still. What differs runs once more, with less load."""
    without, observed = alone(suite), run(suite, way)
    assert "passed" in without.values()
    failing = _again(suite, way, worse(without, observed))
    expected = {test for test in differences(suite) if test in without}
    print(f"{suite.project}: {len(without)} tests, {len(failing)} differ, {len(expected)} of them listed")
    assert failing == expected


@pytest.fixture(scope="module")
def alone() -> Callable[[Suite], Outcomes]:
    """The outcomes of a suite without our telemetry, once for all its ways."""
    return cache(lambda suite: run(suite, ALONE))


def _again(suite: Suite, way: Way, tests: set[str]) -> set[str]:
    if not tests:
        return set()
    without = run(suite, ALONE, sorted(tests))
    assert without.keys() == tests
    return worse(without, run(suite, way, sorted(tests)))


def test_the_suites_are_those_of_what_is_installed() -> None:
    """A release that moves without its suite would be held against tests of another one."""
    installed = versions(LOCK) | versions(REQUIREMENTS)
    assert {project: installed[project] for project in versions(ARCHIVES)} == versions(ARCHIVES)


@pytest.mark.parametrize(
    ("alone", "observed", "found"),
    [
        ({"a": "passed"}, {"a": "passed"}, set()),
        ({"a": "passed"}, {"a": "failed"}, {"a"}),
        ({"a": "passed"}, {"a": "skipped"}, {"a"}),
        ({"a": "passed"}, {}, {"a"}),
        ({"a": "failed"}, {"a": "failed"}, set()),
        ({"a": "failed"}, {"a": "passed"}, set()),
        ({}, {"a": "failed"}, set()),
    ],
)
def test_what_is_worse(alone: Outcomes, observed: Outcomes, found: set[str]) -> None:
    """A test that is gone is worse as well; one that fails alone is not ours."""
    assert worse(alone, observed) == found
