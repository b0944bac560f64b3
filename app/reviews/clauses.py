"""A sentence cut where Korean joins clauses, each with the way in which it leads to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.reviews.lexicon import AT_FIRST, EXPECTATIONS, OTHER_THINGS, WORRIES
from app.reviews.morphology import Word

Link = Literal["and", "but", "so", "if", "said", "doubt", "end"]

# A connective ending's effect on its clause; the longest matching ending decides.
LINKS: tuple[tuple[Link, tuple[str, ...]], ...] = (
    (
        "said",
        (
            "다더니",
            "라더니",
            "다고",
            "라고",
            "다길래",
            "라길래",
            "다며",
            "라며",
            "다는데",
            "라는데",
            "다던데",
        ),
    ),
    ("doubt", ("ᆯ까", "을까", "ᆯ까봐", "을까봐", "ᆯ지", "을지", "어야")),
    ("if", ("으면", "면", "다면", "라면", "거든")),
    ("but", ("는데", "은데", "ᆫ데", "지만", "으나", "나", "더라도", "어도", "던데", "는데도", "ᆯ뿐")),
    (
        "so",
        (
            "어서",
            "니까",
            "으니까",
            "으니",
            "니",
            "므로",
            "느라",
            "길래",
            "더니",
            "라서",
            "려고",
            "으려고",
            "다가",
            "다보니",
        ),
    ),
    ("and", ("고", "며", "으며", "면서", "으면서", "고서", "거나", "구")),
)
NONE = frozenset({"없", "없이", "안", "않", "말"})
_ENDINGS: dict[str, Link] = {ending: link for link, endings in LINKS for ending in endings}


@dataclass(frozen=True)
class Clause:
    """Words from `first` on in their sentence, and how the clause leads on."""

    first: int
    words: tuple[Word, ...]
    link: Link

    @property
    def end(self) -> int:
        """The place behind the last word, in the sentence."""
        return self.first + len(self.words)

    @property
    def asserts(self) -> bool:
        """Whether the writer says it of this product: not a hope, a fear, a hearsay, or another product."""
        elsewhere = self.link == "but" and any(word.form in OTHER_THINGS for word in self.words[:4])
        return self.link not in ("if", "said", "doubt") and not elsewhere and not self.thought

    @property
    def thought(self) -> bool:
        """Whether the clause states a fear or an expectation, before the next clause."""
        forms = [word.form for word in self.words]
        worried = any(form in WORRIES for form in forms[-6:]) and NONE.isdisjoint(forms)
        expected = any(form in EXPECTATIONS for form in forms[-6:])
        return self.link in ("but", "so") and (worried or expected)

    @property
    def only_at_first(self) -> bool:
        """Whether it was so at first, and what follows says how it is now."""
        return self.link in ("but", "so") and any(word.form in AT_FIRST for word in self.words)


def clauses(words: Sequence[Word]) -> tuple[Clause, ...]:
    """The clauses of a sentence, in order; together they hold every word."""
    return tuple(_cut(words))


def _cut(words: Sequence[Word]) -> Iterator[Clause]:
    first = 0
    for at, word in enumerate(words):
        link = _link(words, at)
        if link is not None:
            yield Clause(first, tuple(words[first : at + 1]), link)
            first = at + 1
        elif word.tag == "SF" and at + 1 == len(words):
            break
    if first < len(words):
        yield Clause(first, tuple(words[first:]), "end")


def _link(words: Sequence[Word], at: int) -> Link | None:
    word, following = words[at], words[at + 1] if at + 1 < len(words) else None
    if word.tag == "EF" and following is not None:
        return "end"
    if word.tag == "NNB" and at and words[at - 1].tag == "ETM":
        if word.form == "데" and (following is None or not following.tag.startswith("J")):
            return "but"
        if word.form == "줄" and following is not None and following.form == "알":
            return "doubt"
    if word.tag == "ETM" and word.form.endswith(("다는", "라는")):
        return "said"
    if word.tag != "EC" or following is None or following.tag == "VX":
        return None
    return _ending(word.form)


def _ending(form: str) -> Link | None:
    return next((_ENDINGS[form[cut:]] for cut in range(len(form)) if form[cut:] in _ENDINGS), None)
