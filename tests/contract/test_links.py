"""Every link within the repository leads to a file, and to a heading that the file has."""

from __future__ import annotations

import re

import pytest
from support.pages import PAGES, ROOT, anchors, links, tracked

MENTION = re.compile(r"(?<![\w./-])(?P<page>docs/[\w/-]+\.md)(?:#(?P<heading>[\w-]+))?")


def broken(target: str, heading: str) -> bool:
    """Whether nothing stands there, or nothing under that heading."""
    if not (ROOT / target).exists():
        return True
    return bool(heading) and heading not in anchors(target)


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    """Relative links of a page, with their headings."""
    assert [written for written, target, heading in links(page) if broken(target, heading)] == []


def test_pages_that_programs_name_exist() -> None:
    """An error or a comment that says `docs/...` leads to a page too."""
    mentions = {
        (name, found[0])
        for name in tracked(
            "*.py", "*.sh", "*.y*ml", "*.md", "*.toml", "Makefile", "Dockerfile", ".env.example"
        )
        for found in MENTION.finditer((ROOT / name).read_text(encoding="utf-8"))
        if broken(found["page"], found["heading"] or "")
    }
    assert mentions == set()
