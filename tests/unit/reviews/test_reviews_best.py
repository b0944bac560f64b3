"""What a worker keeps of a product's reviews, and that no turn shows a difference."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from threading import Event

import pytest
from support.review_files import FACTORS

from app.database import Database
from app.reviews import repository as rooms
from app.reviews.best import Best, best
from app.reviews.corpus import KEPT, LABELS
from app.reviews.ingest import ingest
from app.reviews.models import Factor, Mention, Review
from app.reviews.repository import Repository
from app.reviews.retrieval import retrieve
from app.reviews.scoring import concerns, score

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)
REVIEWS = 1000
FILE = "reviews_shop_chair.json"


class Read:
    """An analysis that says something of every review, and keeps what it said."""

    def __init__(self) -> None:
        self.said: list[Mention] = []
        self._random = Random(7)  # noqa: S311

    def __call__(self, reviews: Sequence[Review], factors: Sequence[Factor]) -> Iterator[list[Mention]]:
        for each in reviews:
            strength = self._random.choice((0.1, 0.5, 0.5, 0.9))
            label = LABELS[self._random.randrange(3)]
            found = Mention(each.review_id, "noise", 3, each.created_at, label, strength, each.text)
            self.said.append(found)
            yield [found]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """In the analyser's place."""
    analysis = Read()
    monkeypatch.setattr("app.reviews.portions.mentions", analysis)
    return analysis


@pytest.fixture
def repository(tmp_path: Path, read: Read) -> Repository:
    """A store with many reviews of one product."""
    (tmp_path / "factors.csv").write_text(FACTORS)
    import_reviews(tmp_path, REVIEWS)
    repository = Repository(Database(tmp_path / "state" / "reviewlens.db"))
    ingest(repository, [tmp_path / "factors.csv", tmp_path / FILE])
    return repository


def import_reviews(folder: Path, number: int) -> Path:
    """A file of so many reviews."""
    rows = [
        {
            "review_id": str(each),
            "rating": 3,
            "text": f"글 {each}",
            "created_at": f"{DAY + timedelta(each % 90)}",
        }
        for each in range(number)
    ]
    (folder / FILE).write_text(json.dumps(rows))
    return folder / FILE


def test_a_worker_keeps_the_best_of_each_kind_and_counts_all(repository: Repository, read: Read) -> None:
    """Its memory does not grow with the reviews; scores and evidence are those of all of them."""
    kept = repository.corpus("chair")
    groups = Counter(mention.label for mention in kept.mentions)
    assert groups == dict.fromkeys(LABELS[:3], KEPT)
    whole = replace(kept, mentions=tuple(read.said), counts=None, newest=None)
    assert len(whole.mentions) == REVIEWS
    assert kept.tallies == whole.tallies
    assert score(kept, ()) == score(whole, ())
    for limit in (1, 10, KEPT):
        assert retrieve(kept, concerns(kept, ()), limit) == retrieve(whole, concerns(whole, ()), limit)


def test_all_are_served_while_a_thread_reads_what_an_import_brought(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits long for a large product, not the one who came first either."""
    before = repository.corpus("chair")
    ingest(repository, [import_reviews(tmp_path, REVIEWS + 1)])
    reading, served = Event(), Event()

    def slow(*arguments: object) -> Best:
        reading.set()
        assert served.wait(30)
        return best(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rooms, "best", slow)
    monkeypatch.setattr(rooms, "AT_ONCE_SECONDS", 0.01)
    assert repository.corpus("chair") is before
    assert reading.wait(30)
    assert repository.corpus("chair") is before
    served.set()
    (thread,) = (each for each in threading.enumerate() if each.name == "corpus")
    thread.join(30)
    assert repository.corpus("chair").review_count == REVIEWS + 1


def test_a_product_that_cannot_be_read_again_is_tried_again(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits gets the reason."""
    repository.corpus("chair")
    ingest(repository, [import_reviews(tmp_path, REVIEWS + 1)])

    def failing(*_: object) -> Best:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched, pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        patched.setattr(rooms, "best", failing)
        repository.corpus("chair")
    assert repository.corpus("chair").review_count == REVIEWS + 1
