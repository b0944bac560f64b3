"""Other projects' tests pass where every application that they make has our telemetry, as they pass without it."""

from __future__ import annotations

import pytest
from peers.suites import ARCHIVES, LOCK, REQUIREMENTS, SUITES, Outcomes, Suite, differences, run, versions, worse

pytestmark = [pytest.mark.peers, pytest.mark.timeout(2 * 1500)]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.project)
def test_no_test_of_theirs_fails_for_us(suite: Suite) -> None:
    """But those in differences.yaml, which must fail still. What differs runs once more, alone, with less load."""
    alone, observed = run(suite, observed=False), run(suite, observed=True)
    assert "passed" in alone.values()
    failing = _again(suite, worse(alone, observed))
    expected = {test for test in differences(suite) if test in alone}
    print(f"{suite.project}: {len(alone)} tests, {len(failing)} differ, {len(expected)} listed")
    assert failing == expected


def _again(suite: Suite, tests: set[str]) -> set[str]:
    return worse(run(suite, False, sorted(tests)), run(suite, True, sorted(tests))) if tests else set()


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
