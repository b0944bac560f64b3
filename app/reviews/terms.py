"""Where a factor's terms stand in a sentence, whatever its spacing, particles and endings."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from app.reviews.morphology import Word
from app.reviews.text import compact


@dataclass(frozen=True)
class View:
    """A sentence's words written together, as typed or in dictionary form; `starts` has their places."""

    text: str
    starts: tuple[int, ...]

    def find(self, term: str) -> Iterator[tuple[int, int]]:
        """(first word, word after the last) wherever `term` begins with a word."""
        at = self.text.find(term)
        while at >= 0:
            first = self._first.get(at)
            if first is not None:
                yield first, max(first + 1, bisect_left(self._ordered, at + len(term)))
            at = self.text.find(term, at + 1)

    @cached_property
    def _first(self) -> Mapping[int, int]:
        """The first word at each place."""
        return {start: word for word, start in reversed([*enumerate(self.starts)])}

    @cached_property
    def _ordered(self) -> Sequence[int]:
        return sorted(self.starts)


@dataclass(frozen=True)
class Sentence:
    """A sentence as typed, with its words."""

    text: str
    words: tuple[Word, ...]

    @cached_property
    def typed(self) -> View:
        """The text without spaces."""
        squeezed = [len(compact(self.text[: word.start])) for word in self.words]
        return View(compact(self.text), tuple(squeezed))

    @cached_property
    def affirmed(self) -> View:
        """The text without spaces and without 안 and 못: 귀가 아프- is in 귀가 안 아프- too."""
        text = self.text
        for word in self.words:
            if word.tag == "MAG" and word.form in ("안", "못"):
                text = text[: word.start] + " " * (word.end - word.start) + text[word.end :]
        squeezed = [len(compact(text[: word.start])) for word in self.words]
        return View(compact(text), tuple(squeezed))

    @cached_property
    def stems(self) -> View:
        """The dictionary forms, one after the other."""
        starts, at = [], 0
        for word in self.words:
            starts.append(at)
            at += len(word.form)
        return View("".join(word.form for word in self.words), tuple(starts))

    def find(self, terms: Sequence[str]) -> list[tuple[int, int]]:
        """Every place where one of `terms` stands, as word ranges in order, without overlaps."""
        found = sorted(
            {place for term in terms for place in self._places(_bare(term))}, key=lambda at: (at[0], -at[1])
        )
        kept: list[tuple[int, int]] = []
        for place in found:
            if not kept or place[0] >= kept[-1][1]:
                kept.append(place)
        return kept

    def _places(self, term: str) -> Iterator[tuple[int, int]]:
        if len(term) == 1:  # "앱" must not be found in "앱솔루트"
            yield from ((at, at + 1) for at, word in enumerate(self.words) if word.form == term)
        elif term:
            stem = term.removesuffix("다") if len(term) > 2 else term
            found = [*self.typed.find(term), *self.stems.find(stem)]
            yield from found or self.affirmed.find(term)


@lru_cache(maxsize=4096)
def _bare(term: str) -> str:
    return compact(term)
