"""The runbooks: one for each alert, in English and in Korean, true to what is there."""

from __future__ import annotations

import re

import pytest
from support.pages import FENCED, HEADING, links, read

from monitoring.targets import HERE, read_rules

ENGLISH = sorted((HERE / "runbooks").glob("*.md"))
KOREAN = sorted((HERE / "runbooks" / "ko").glob("*.md"))
NAMES = [path.stem for path in ENGLISH]
PAGES = [path.relative_to(HERE.parent).as_posix() for path in (*ENGLISH, *KOREAN)]
HEADINGS = {
    "runbooks/": ["What it means", "First three looks", "Likely causes", "How to end it"],
    "runbooks/ko/": ["의미", "먼저 확인할 세 가지", "흔한 원인", "조치"],
}
WHERE_TO_ASK = {
    "runbooks/": "PromQL: paste it into the page, or `scripts/ask.sh query 'EXPR'`. "
    "Ports are the default ones; `scripts/status.sh` shows yours.",
    "runbooks/ko/": "PromQL은 Prometheus 화면에 붙여 넣거나 `scripts/ask.sh query 'EXPR'`로 실행합니다. "
    "포트는 기본값이며, 실제 포트는 `scripts/status.sh`에 나옵니다.",
}


def folder(page: str) -> str:
    return page.removeprefix("monitoring/").rpartition("/")[0] + "/"


def test_every_runbook_belongs_to_an_alert() -> None:
    """A runbook of an alert that is gone misleads at night."""
    assert set(NAMES) == {rule.name for rule in read_rules() if rule.is_alert}


def test_every_runbook_has_its_korean_page() -> None:
    """And no Korean page is alone."""
    assert [path.stem for path in KOREAN] == NAMES


@pytest.mark.parametrize("page", PAGES)
def test_it_has_its_headings(page: str) -> None:
    """The alert's name, then the same four in every runbook of a language."""
    titles = [found["title"] for found in HEADING.finditer(FENCED.sub("", read(page)))]
    assert titles == [page.rpartition("/")[2].removesuffix(".md"), *HEADINGS[folder(page)]]


@pytest.mark.parametrize("page", PAGES)
def test_it_names_only_what_is_there(page: str) -> None:
    """At night nobody looks for a script or a page that was renamed."""
    text = read(page)
    named = [*re.findall(r"scripts/\w+\.sh", text), *re.findall(r"monitoring/(?!data)[\w./]*[A-Za-z]", text)]
    named += [target for _, target, _ in links(page)]
    assert [name for name in named if not (HERE.parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_it_says_where_to_ask_and_which_ports_are_real(page: str) -> None:
    """The same line in each: a build may come without its page, and a port may be moved."""
    looks = read(page).partition(f"## {HEADINGS[folder(page)][1]}\n\n")[2]
    assert looks.startswith(f"{WHERE_TO_ASK[folder(page)]}\n")
