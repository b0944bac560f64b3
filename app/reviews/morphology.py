"""Korean morphemes, by Kiwi. Loaded on first use (about 1 s, 0.5 GB): imports pay for it, the API never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from app.reviews.lexicon import EXTRA_NOUNS, JOINED_VERBS

if TYPE_CHECKING:
    from kiwipiepy import Kiwi  # type: ignore[import-untyped]


class Word(NamedTuple):
    """One morpheme: its dictionary form, Sejong tag, and place in the text."""

    form: str
    tag: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _kiwi() -> Kiwi:
    from kiwipiepy import Kiwi

    # Without the dictionaries of names and typos it loads in half the time; reviews name few people.
    kiwi = Kiwi(num_workers=1, load_multi_dict=False, load_typo_dict=False)
    for noun in EXTRA_NOUNS:
        kiwi.add_user_word(noun, "NNG")
    return kiwi


def words(texts: Iterable[str]) -> Iterator[tuple[Word, ...]]:
    """The morphemes of each text, in order."""
    for tokens in _kiwi().tokenize(texts):
        found = [
            Word(each.form, each.tag.split("-")[0], each.start, each.start + each.len) for each in tokens
        ]
        yield tuple(_joined(found))


def _joined(found: Sequence[Word]) -> Iterator[Word]:
    """The words; verbs split by the analyser are joined again."""
    at = 0
    while at < len(found):
        parts = found[at : at + 3]
        whole = JOINED_VERBS.get("".join(word.form for word in parts))
        if whole is None:
            yield found[at]
            at += 1
        else:
            yield Word(whole, "VV", parts[0].start, parts[-1].end)
            at += 3
