"""Which evidence is shown, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.reviews import DAY, corpus

from app.reviews.models import Mention
from app.reviews.retrieval import retrieve

EMPTY = replace(corpus(), mentions=())


def mention(review_id: str, factor_key: str = "noise", days: int = 0, strength: float = 0.8) -> Mention:
    """A complaint, some days old."""
    return Mention(
        review_id, factor_key, 2, DAY - timedelta(days=days), "NEG", strength, f"excerpt {review_id}"
    )


def found(*mentions: Mention, limit: int = 10, **concerns: float) -> list[str]:
    """The ids of what is retrieved."""
    of = replace(EMPTY, mentions=mentions)
    return [each.review_id for each in retrieve(of, concerns or {"noise": 1.0}, limit)]


def test_strength_then_age_then_id_decide() -> None:
    """The strongest first; of equals the newest; of equals the lower id."""
    mentions = mention("c"), mention("b"), mention("a", days=400), mention("z", strength=0.9)
    assert found(*mentions) == ["z", "b", "c", "a"]


def test_concern_outweighs_strength() -> None:
    """What the shopper cares about comes before what is put strongly."""
    assert found(mention("n"), mention("p", "price", strength=1.0), noise=1.0, price=0.5) == ["n", "p"]


def test_factors_of_equal_concern_take_turns() -> None:
    """Ten complaints of one kind do not crowd out another kind."""
    mentions = [mention(f"n{each}", strength=0.8) for each in range(9)] + [
        mention("p", "price", strength=0.7)
    ]
    assert found(*mentions, limit=2, noise=1.0, price=1.0) == ["n0", "p"]


def test_what_does_not_matter_is_left_out() -> None:
    """No weight, no evidence; a weight that is no number counts as none."""
    assert found(mention("n"), noise=0.0, price=1.0) == []
    assert found(mention("n"), noise=float("nan")) == []


def test_an_unknown_factor_and_an_empty_corpus_give_nothing() -> None:
    """Neither is an error."""
    assert found(mention("n"), other=1.0) == []
    assert retrieve(EMPTY, {"noise": 1.0}) == ()
