"""The README is short, and a page in Korean says the same as the English one."""

from __future__ import annotations

import re

import pytest
from support.pages import FENCED, KOREAN, english, links, read
from support.pages import blocks as blocks_in

OUTLINE = re.compile(r"^ *(?:#+|-|\d+\.)(?= )", re.MULTILINE)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and code of each block, without comments, which are translated."""
    code = ("bash", "sh", "python", "diff", "promql")
    return [
        (block.language, re.sub(r" *#.*", "", block.code).strip()) for block in blocks_in(*code, pages=[page])
    ]


def test_the_readme_is_short_enough_to_be_read() -> None:
    """About 60 lines, in both languages. More belongs to docs/."""
    for readme in ("README.md", "README.ko.md"):
        assert len(read(readme).splitlines()) <= 65, readme


@pytest.mark.parametrize("page", KOREAN)
def test_a_korean_page_has_what_the_english_one_has(page: str) -> None:
    """As many headings, list items, rows and diagrams; the same code, and links to the same pages."""
    texts = [read(page), read(english(page))]
    for mark in ("```mermaid", "<!-- generated:", "\n|"):
        assert texts[0].count(mark) == texts[1].count(mark), mark
    assert OUTLINE.findall(texts[0]) == OUTLINE.findall(texts[1])
    assert blocks(page) == blocks(english(page))
    leads = [{english(target) for _, target, _ in links(one)} for one in (page, english(page))]
    assert leads[0] - {english(page)} == leads[1] - {english(page)}


@pytest.mark.parametrize("page", KOREAN)
def test_a_korean_page_names_what_the_english_one_names(page: str) -> None:
    """Every command, setting, metric and file within its sentences."""
    korean, other = (
        set(re.findall(r"`[^`\n]+`", FENCED.sub("", read(one)))) for one in (page, english(page))
    )
    assert korean == other


@pytest.mark.parametrize("page", KOREAN)
def test_the_two_pages_lead_to_each_other(page: str) -> None:
    """And a Korean page leads to the Korean pages that there are."""
    assert page in {target for _, target, _ in links(english(page))}
    leads = {target for _, target, _ in links(page)}
    assert english(page) in leads
    assert leads & {english(other) for other in KOREAN} == {english(page)}
