"""A newcomer's ten questions are answered, each under a heading that exists."""

from __future__ import annotations

import re

from support.pages import KOREAN, links, read, tracked

PAGE = "docs/questions.md"


def test_ten_questions_have_a_place_for_their_answer() -> None:
    """A row is a question, a short answer, and a link to a heading, which test_links.py follows."""
    rows = [line.strip("| ").split(" | ") for line in read(PAGE).splitlines() if line.startswith("|")][2:]
    assert len(rows) == 10
    for question, answer, place in rows:
        assert question.endswith("?"), question
        assert answer, question
        assert re.search(r"\]\(\S+#\S+\)", place), question


def test_the_index_lists_every_page() -> None:
    """docs/README.md leads to all pages of documentation but single decisions, which DESIGN.md lists."""
    listed = {target for _, target, _ in links("docs/README.md")}
    listed |= {target for _, target, _ in links("docs/architecture/README.md")}
    pages = {page for page in tracked("docs/*.md") if not page.startswith("docs/decisions/")}
    assert pages - listed - set(KOREAN) == {"docs/README.md"}
