"""Architecture and decisions name modules that exist, in one form; every decision is in the index."""

from __future__ import annotations

import re

import pytest
from support.pages import KOREAN, ROOT, blocks, links, read, tracked

JOURNEYS = [page for page in tracked("docs/architecture/*.md") if page not in KOREAN]
DECISIONS = tracked("docs/decisions/*.md")
OLD_NAMES = "docs/README.md"
"""It says where files of an earlier layout went. Tutorials make files; test_blocks.py follows them."""
EXPLAINING = [
    page
    for page in tracked("*.md")
    if page not in KOREAN
    and page not in {"CHANGELOG.md", OLD_NAMES}
    and not page.startswith("docs/tutorials/")
]
MODULE = re.compile(r"(?<![\w/*.<-])(?:[\w.-]+/)*\w+\.py\b")
BESIDE = ("", "telemetry/", "monitoring/", "app/reviews/", "tests/data/", "tests/support/")
"""Where a page's module may stand: paths are from the root, or from the folder that the page is about."""


@pytest.mark.parametrize("page", EXPLAINING)
def test_modules_that_a_page_names_exist(page: str) -> None:
    """In its text and in its diagram."""
    named = set(MODULE.findall(read(page)))
    assert {name for name in named if not any((ROOT / beside / name).is_file() for beside in BESIDE)} == set()


@pytest.mark.parametrize("page", JOURNEYS)
def test_a_journey_is_drawn_with_its_modules(page: str) -> None:
    """One diagram a page, of five modules or more."""
    (diagram,) = blocks("mermaid", pages=[page])
    assert len(set(MODULE.findall(diagram.code))) >= 5


@pytest.mark.parametrize("page", DECISIONS)
def test_a_decision_has_four_parts(page: str) -> None:
    """Its number is the file's."""
    text = read(page)
    assert text.startswith(f"# {int(page.rpartition('/')[2][:4])}. ")
    parts = re.findall(r"^\*\*(\w+)[.\*]", text, re.MULTILINE)
    assert [part for part in parts if part in ("Context", "Decision", "Rejected", "Consequence")] == [
        "Context",
        "Decision",
        "Rejected",
        "Consequence",
    ]


def test_every_decision_is_in_the_index() -> None:
    """Once, and their numbers have no gap."""
    listed = [target for _, target, _ in links("DESIGN.md") if target.startswith("docs/decisions/")]
    assert sorted(listed) == sorted(DECISIONS)
    numbers = sorted(int(page.rpartition("/")[2][:4]) for page in DECISIONS)
    assert numbers == list(range(1, len(numbers) + 1))
