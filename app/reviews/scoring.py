"""How much each regret factor weighs for one shopper, from the reviews and the answers. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.plaintext import plain
from app.reviews.corpus import Corpus, Tally
from app.reviews.models import Factor, FactorScore, Question, ShopperAnswer
from app.reviews.stance import ANSWERED, NAMED, clauses, named, stance
from app.reviews.text import compact

PRIOR = (0.3, 0.4)  # concern before any answer: base, and the most that a factor's weight adds
SAID = 0.85  # share of a concern decided by the shopper's own words
CALM = 0.3  # remaining share of a concern if no review complains
USUAL_COMPLAINTS = 0.1  # prevalence is one half at this share of complaining reviews
HINT = 0.7  # share of a stance that a context term passes to a factor without a question
NUMBER = re.compile(r"\d+")


def score(corpus: Corpus, answers: Sequence[ShopperAnswer]) -> tuple[FactorScore, ...]:
    """Every factor with its weight for this shopper, 0 to 1: the highest first, equals by key.

    A weight grows with the shopper's concern and with the complaints in the reviews.
    """
    weights = concerns(corpus, answers)
    scores = (
        FactorScore(
            factor.factor_key,
            factor.display_name,
            round(weights[factor.factor_key] * (CALM + (1 - CALM) * _risk(corpus, factor)), 4),
        )
        for factor in corpus.factors
    )
    return tuple(sorted(scores, key=lambda each: (-each.score, each.factor_key)))


def concerns(corpus: Corpus, answers: Sequence[ShopperAnswer]) -> dict[str, float]:
    """How much each factor matters to the shopper, 0 to 1, by factor key. The later answer counts."""
    said: dict[str, float] = {}
    for answer in answers:
        said |= _said(corpus.factors, answer, said)
    heaviest = max((factor.weight for factor in corpus.factors), default=0.0)
    return {factor.factor_key: _concern(factor, heaviest, said) for factor in corpus.factors}


def _concern(factor: Factor, heaviest: float, said: Mapping[str, float]) -> float:
    prior = PRIOR[0] + PRIOR[1] * (factor.weight / heaviest if heaviest > 0 else 0.0)
    if factor.factor_key not in said:
        return prior
    return (1 - SAID) * prior + SAID * said[factor.factor_key]


def _risk(corpus: Corpus, factor: Factor) -> float:
    """Chance of the regret, 0 to 1: how often it is complained of, among mentions and among all reviews."""
    tally = corpus.tallies.get(factor.factor_key, Tally())
    share = (tally.complaints + 1) / (tally.total + 2)
    prevalence = tally.complaints / (
        tally.complaints + USUAL_COMPLAINTS * max(corpus.review_count, tally.total, 1)
    )
    return (share + prevalence) / 2


def _said(factors: Sequence[Factor], answer: ShopperAnswer, before: Mapping[str, float]) -> dict[str, float]:
    """One answer's stances, by factor key."""
    if answer.question is not None and _chosen(answer) is not None:
        return {answer.question.factor_key: _choice_stance(factors, answer.question, answer.text)}
    said = _free(factors, answer.text, before)
    if answer.question is not None and not said:
        own = stance(answer.text)
        said[answer.question.factor_key] = ANSWERED if own is None else own
    return said


def _free(factors: Sequence[Factor], text: str, before: Mapping[str, float]) -> dict[str, float]:
    said: dict[str, float] = {}
    for clause in clauses(text):
        found = stance(clause)
        value = NAMED if found is None else found
        for factor, by_anchor in named(clause, factors):
            if by_anchor:
                said[factor.factor_key] = value
            elif factor.factor_key not in said:
                said[factor.factor_key] = max(before.get(factor.factor_key, 0.0), HINT * value)
    return said


def _chosen(answer: ShopperAnswer) -> int | None:
    """The place of the answer among the question's choices."""
    choices = [_words(choice) for choice in answer.question.choices] if answer.question else []
    text = _words(answer.text)
    return choices.index(text) if text in choices else None


def _words(text: str) -> str:
    """A choice as it was shown, however it is spaced."""
    return compact(plain(text))


def _choice_stance(factors: Sequence[Factor], question: Question, text: str) -> float:
    """By its number among the others' ("5년 이상"), else by its words, else by the factor's own terms."""
    numbers = [NUMBER.findall(choice) for choice in question.choices]
    if len(numbers) > 1 and all(numbers):
        place = [_words(choice) for choice in question.choices].index(_words(text))
        return 0.4 + 0.6 * place / (len(numbers) - 1)
    found = stance(text)
    if found is not None:
        return found
    own = [factor for factor in factors if factor.factor_key == question.factor_key]
    return NAMED if any(named(text, own)) else ANSWERED
