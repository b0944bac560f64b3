"""What a review says of each factor: read once, when it is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import tee

from app.reviews.judgements import judgements
from app.reviews.models import Factor, Mention, Polarity, Review
from app.reviews.morphology import words
from app.reviews.polarity import strength
from app.reviews.terms import Sentence
from app.reviews.text import EXCERPT_LENGTH, excerpt, plain, sentences

RATING_AGREES = 0.1
CONTEXT = 0.05
NEUTRAL = 0.3
CLEAR_RATINGS: Mapping[int, Polarity] = {1: "NEG", 2: "NEG", 5: "POS"}


@dataclass(frozen=True)
class Opinion:
    """A clause's judgement on a factor: sign (0: expressly nothing, None: no judgement), strength, place."""

    sign: int | None
    strength: float
    sentence: str
    start: int
    end: int

    @property
    def clause(self) -> str:
        return self.sentence[self.start : self.end]


def mentions(reviews: Iterable[Review], factors: Sequence[Factor]) -> Iterator[list[Mention]]:
    """For each review, in order: one mention per factor in it."""
    split = ((review, list(sentences(review.text))) for review in reviews)
    for_tagging, for_reading = tee(split)
    tagged = words(plain(sentence)[0] for _, parts in for_tagging for sentence in parts)
    for review, parts in for_reading:
        opinions: dict[str, list[Opinion]] = {}
        for sentence in parts:
            typed, places = plain(sentence)
            for key, found in _opinions(sentence, Sentence(typed, next(tagged)), places, factors):
                opinions.setdefault(key, []).append(found)
        yield [_mention(review, key, found) for key, found in opinions.items()]


def _opinions(
    text: str, sentence: Sentence, places: Sequence[int], factors: Sequence[Factor]
) -> Iterator[tuple[str, Opinion]]:
    by_key = {factor.factor_key: factor for factor in factors}
    for judgement in judgements(sentence, factors):
        part = sentence.words[judgement.start : judgement.end]
        force = strength(part) if judgement.sign else NEUTRAL
        context = CONTEXT if sentence.find(by_key[judgement.factor_key].context_terms) else 0.0
        start, end = places[part[0].start], places[max(word.end for word in part) - 1] + 1
        yield judgement.factor_key, Opinion(judgement.sign, force + context, text, start, end)


def _mention(review: Review, key: str, opinions: Sequence[Opinion]) -> Mention:
    judged = [each for each in opinions if each.sign]
    label = _label({each.sign for each in judged}) if judged else _by_rating(review, opinions)
    force = max(each.strength for each in judged or opinions)
    if judged and (review.rating >= 4) == (label == "POS") and review.rating != 3:
        force += RATING_AGREES
    return Mention(
        review_id=review.review_id,
        factor_key=key,
        rating=review.rating,
        created_at=review.created_at,
        label=label,
        strength=round(min(1.0, force), 3),
        excerpt=_excerpt(label, judged or opinions),
    )


def _label(signs: set[int | None]) -> Polarity:
    return "MIX" if len(signs) > 1 else "POS" if 1 in signs else "NEG"


def _by_rating(review: Review, opinions: Sequence[Opinion]) -> Polarity:
    """A fact without a judgement (먼지가 그대로예요) takes the rating's sign, if that is clear."""
    if any(each.sign == 0 for each in opinions):
        return "NEU"
    return CLEAR_RATINGS.get(review.rating, "NEU")


def _excerpt(label: Polarity, opinions: Sequence[Opinion]) -> str:
    """The strongest clause; for a mixed mention, the strongest of each kind in their order."""
    best = max(opinions, key=lambda each: each.strength)
    if label != "MIX":
        return excerpt(_spread(best.sentence, best.start, best.end))
    other = next(each for each in opinions if each.sign == -(best.sign or 0))
    first, second = (best, other) if opinions.index(best) < opinions.index(other) else (other, best)
    if first.sentence == second.sentence:
        return excerpt(first.sentence[first.start : max(first.end, second.end)])
    half = EXCERPT_LENGTH // 2 - 2
    return f"{excerpt(first.clause, half)} / {excerpt(second.clause, half)}"


def _spread(sentence: str, start: int, end: int) -> str:
    """The complete sentence if it is short enough to show, else the clause."""
    return sentence if len(sentence) <= EXCERPT_LENGTH // 2 else sentence[start:end]
