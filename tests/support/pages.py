"""The Markdown pages of the repository: their headings, links and code blocks."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

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
