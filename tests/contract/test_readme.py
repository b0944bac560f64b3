"""The README is short, and says the same in both languages."""

from __future__ import annotations

import re

from support.pages import blocks, links, read

READMES = ("README.md", "README.ko.md")


def test_it_is_short_enough_to_be_read() -> None:
    """About 60 lines. More belongs to docs/."""
    for readme in READMES:
        assert len(read(readme).splitlines()) <= 65, readme


def test_the_two_languages_say_the_same() -> None:
    """As many headings, list items and code blocks; the same commands, code, addresses and links."""
    english, korean = (read(readme) for readme in READMES)
    for mark in ("```mermaid", "<!-- generated:", "\n## ", "\n- "):
        assert english.count(mark) == korean.count(mark), mark
    commands = [
        [re.sub(r" *#.*", "", block.code) for block in blocks("bash", "python", pages=[readme])]
        for readme in READMES
    ]
    assert commands[0] == commands[1]
    leads = [{target for _, target, _ in links(readme)} - set(READMES) for readme in READMES]
    # What a page has in Korean too is linked in Korean.
    assert [leads[0], {target.replace(".ko.md", ".md") for target in leads[1]}] == [leads[0], leads[0]]
