"""The Markdown pages of the repository: their headings, links and code blocks."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ +(?P<title>.+?) *$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^()\s]+)\)")


def tracked(*patterns: str) -> list[str]:
    """Files of the repository, new ones too, as paths from its root."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


PAGES = tracked("*.md")


def english(page: str) -> str:
    """The English page of NAME.ko.md, or of a page or folder in ko/; any other page itself."""
    return re.sub(r"/ko(?=/|$)", "", page.replace(".ko.md", ".md"))


KOREAN = [page for page in PAGES if english(page) != page]


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """The headings of a page as a forge writes them into links."""
    seen: dict[str, int] = {}
    found = set()
    for heading in HEADING.finditer(FENCED.sub("", read(page))):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading["title"])
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def links(page: str) -> Iterator[tuple[str, str, str]]:
    """Each relative link: as written, the file it leads to from the root, and its heading."""
    for link in LINK.finditer(FENCED.sub("", read(page))):
        path, _, heading = link["target"].partition("#")
        if ":" not in path:
            here = Path(page).parent / path if path else page
            yield link["target"], os.path.normpath(here), heading


class Block(NamedTuple):
    """A code block. `mark` is the rest of its first line, such as `not-run: needs an account`."""

    page: str
    line: int
    language: str
    mark: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+) *(?P<mark>[^\n]*)\n(?P<code>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(*languages: str, pages: Iterable[str] = PAGES) -> list[Block]:
    """The code blocks in these languages."""
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["mark"],
            textwrap.dedent(found["code"]),
        )
        for page in pages
        for text in [read(page)]
        for found in BLOCK.finditer(text)
        if found["language"] in languages
    ]
