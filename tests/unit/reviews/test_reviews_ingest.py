"""Imports: what is taken, what is not, and that it is all or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.database import Database
from app.errors import NotFound
from app.reviews import records
from app.reviews.categories import by_name
from app.reviews.importing import alone
from app.reviews.ingest import HOLD_SECONDS, Report, ingest
from app.reviews.ledger import Key, Ledger, Record
from app.reviews.mentions import mentions
from app.reviews.models import Factor, Mention, Review
from app.reviews.repository import Repository
from telemetry.testing import Recorded, StepClock
from tests.support.review_files import FACTORS, QUESTIONS

NOISY = {"review_id": "1", "rating": 2, "text": "소음이 너무 심해요", "created_at": "2026-01-01T00:00:00Z"}
QUIET = {"review_id": "2", "rating": 5, "text": "소음이 없어요", "created_at": "2026-01-02T00:00:00Z"}
REVIEWS = "reviews_shop_brand_chair_20260101_101500.json"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty store."""
    return Repository(Database(tmp_path / "state" / "reviewlens.db"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A factors, a questions and a reviews file."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "questions.csv").write_text(QUESTIONS)
    (folder / "z_factors.csv").write_text(FACTORS)
    write(folder / REVIEWS, NOISY, QUIET)
    return folder


def write(path: Path, *reviews: dict[str, Any]) -> Path:
    """A reviews file."""
    path.write_text(json.dumps(reviews, ensure_ascii=False))
    return path


def numbers(report: Report) -> dict[str, tuple[int, int, int, int]]:
    """(taken, updated, skipped, duplicates) by kind."""
    return {
        str(file.kind): (file.taken, file.updated, file.skipped, file.duplicates) for file in report.files
    }


def reasons(report: Report) -> list[str]:
    """Why things were not taken."""
    return [problem.reason for problem in report.problems]


def labels(repository: Repository) -> dict[str, str]:
    """What the store's reviews say of noise."""
    return {mention.review_id: mention.label for mention in repository.corpus("chair").mentions}


def test_a_folder_is_imported_whatever_the_order_of_its_files(repository: Repository, folder: Path) -> None:
    """Factors first, then questions, then reviews; and served at once."""
    assert numbers(ingest(repository, [folder])) == {
        "factors": (1, 0, 0, 0),
        "questions": (1, 0, 0, 0),
        "reviews": (2, 0, 0, 0),
    }
    assert [asdict(product) for product in repository.products()] == [
        {
            "product_id": "chair",
            "name": "의자 S2",
            "category": "chair",
            "category_name": "의자",
            "review_count": 2,
        }
    ]
    assert labels(repository) == {"1": "NEG", "2": "POS"}
    assert [question.question_id for question in repository.questions("chair")] == ["1"]


def test_the_same_again_is_all_duplicates(repository: Repository, folder: Path) -> None:
    """Nothing is doubled, and nothing written: the generation stays."""
    ingest(repository, [folder])
    before = repository.corpus("chair")
    assert numbers(ingest(repository, [folder])) == {
        "factors": (0, 0, 0, 1),
        "questions": (0, 0, 0, 1),
        "reviews": (0, 0, 0, 2),
    }
    assert repository.corpus("chair") is before


def test_a_later_export_of_the_source_updates(repository: Repository, folder: Path) -> None:
    """The name but for its date is the source; a changed review is replaced and read again."""
    ingest(repository, [folder])
    later = write(
        folder / REVIEWS.replace("20260101", "20260301"), {**NOISY, "text": "소음이 없어졌어요"}, QUIET
    )
    assert numbers(ingest(repository, [later])) == {"reviews": (1, 1, 0, 1)}
    assert labels(repository) == {"1": "POS", "2": "POS"}


def test_another_source_with_the_same_ids_never_overwrites(repository: Repository, folder: Path) -> None:
    """Two brands may both count from 1: the row is skipped and says why."""
    ingest(repository, [folder])
    other = write(
        folder / "reviews_shop_other_chair_20260101_101500.json", {**NOISY, "text": "다른 글"}, QUIET
    )
    report = ingest(repository, [other])
    assert numbers(report) == {"reviews": (0, 0, 1, 1)}
    assert reasons(report) == [
        "id '1' stands for another review, from 'reviews_shop_brand_chair', "
        "expected ids that differ between sources"
    ]


def test_an_id_twice_in_a_file_is_taken_once(repository: Repository, folder: Path) -> None:
    """The same row is a duplicate, another text a bad row."""
    write(folder / REVIEWS, NOISY, NOISY, {**NOISY, "text": "다른 글"})
    report = ingest(repository, [folder])
    assert numbers(report)["reviews"] == (1, 0, 1, 1)
    assert reasons(report) == ["id '1' stands on line 1 too, expected one row for each id"]


def test_changed_factors_have_all_their_reviews_read_again(repository: Repository, folder: Path) -> None:
    """Without the reviews being imported again."""
    ingest(repository, [folder])
    (folder / "z_factors.csv").write_text(FACTORS.replace("소음|삐걱", "바퀴"))
    assert numbers(ingest(repository, [folder / "z_factors.csv"])) == {"factors": (1, 1, 0, 0)}
    assert labels(repository) == {}


def test_bad_rows_and_bad_files_never_stop_good_ones(repository: Repository, folder: Path) -> None:
    """Each is named with its reason."""
    write(folder / REVIEWS, NOISY, {**QUIET, "rating": 9})
    (folder / "broken_chair.json").write_text("[{")
    report = ingest(repository, [folder])
    assert labels(repository) == {"1": "NEG"}
    assert len(report.problems) == 2


def test_a_file_of_no_known_category_names_the_known_ones(repository: Repository, folder: Path) -> None:
    """And says how to help."""
    other = write(folder / "reviews_shop_brand_lamp_20260101_101500.json", NOISY)
    assert reasons(ingest(repository, [folder / "z_factors.csv", other])) == [
        "no known category in the file name; known keys: chair. "
        "Name it reviews_<source>_<brand>_<category>_<date>_<time>, or say --category"
    ]
    assert numbers(ingest(repository, [other], category="chair"))["reviews"] == (1, 0, 0, 0)
    assert reasons(ingest(repository, [other], category="lamp")) == [
        "category 'lamp' is not known; known keys: chair"
    ]


def test_the_longest_key_in_the_name_counts(repository: Repository, folder: Path) -> None:
    """office_chair is not chair."""
    longer = FACTORS.replace(",chair,", ",office_chair,").replace("101,", "102,")
    (folder / "more.csv").write_text(longer)
    write(folder / "reviews_shop_brand_office_chair_20260101_101500.json", NOISY)
    ingest(repository, [folder])
    assert {product.product_id: product.review_count for product in repository.products()} == {
        "chair": 2,
        "office_chair": 1,
    }


def test_a_question_without_its_factor_is_skipped(repository: Repository, folder: Path) -> None:
    """Its factor may come later; then the file can be imported again."""
    report = ingest(repository, [folder / "questions.csv"])
    assert reasons(report) == [
        "factor_id '101' with factor_key 'noise' is of no factor, "
        "expected one from a factors file imported before or together"
    ]


def test_a_dry_run_reports_the_same_and_writes_nothing(repository: Repository, folder: Path) -> None:
    """The next import takes all."""
    planned = ingest(repository, [folder], dry_run=True)
    assert repository.products() == ()
    assert numbers(ingest(repository, [folder])) == numbers(planned)


def test_a_fault_while_writing_leaves_the_store_as_it_was(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is one transaction."""

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(records, "_mention_rows", fail)
    with pytest.raises(OSError, match="disk full"):
        ingest(repository, [folder])
    assert repository.products() == ()


def test_imports_at_once_wait_for_each_other_and_analyse_nothing_twice(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is held against what the first has left, whatever the categories of both are."""
    ingest(repository, [folder])
    other = write(folder / REVIEWS, NOISY, QUIET, {**QUIET, "review_id": "3"})
    (folder / "z_factors.csv").write_text(FACTORS.replace("소음|삐걱", "바퀴"))
    read: list[str] = []

    def counting(reviews: list[Review], factors: Sequence[Factor]) -> Iterator[list[Mention]]:
        read.extend(review.review_id for review in reviews)
        return mentions(reviews, factors)

    monkeypatch.setattr("app.reviews.ingest.mentions", counting)
    with ThreadPoolExecutor() as pool:
        second: list[Future[Report]] = []

        def meanwhile(done: int, total: int) -> None:
            again = Repository(Database(repository.database.path))
            second.append(pool.submit(ingest, again, [folder / "z_factors.csv"]))
            assert not wait(second, timeout=0.2).done

        ingest(repository, [other], progress=meanwhile)
        second[0].result()
    assert read == ["3", "1", "2", "3"]
    assert repository.corpus("chair").review_count == 3
    assert labels(repository) == {}


def test_what_needs_an_import_no_more_waits_for_none(repository: Repository, folder: Path) -> None:
    """A start that wants the samples goes on as soon as another import has begun to write."""
    with alone(repository.database.path):
        assert ingest(repository, [folder], unless=lambda: True) == Report()
    assert ingest(repository, [folder], unless=lambda: True) == Report()
    assert not repository.begun


class Portions:
    """An import in portions of two reviews, and what others see in the store between them."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.repository = repository
        self.seen: list[tuple[int, int]] = []
        monkeypatch.setattr("app.reviews.ingest.PORTION", 2)
        monkeypatch.setattr("app.reviews.ingest.time.sleep", self.rest)

    def rest(self, seconds: float) -> None:
        """A shopper's write finds the store free."""
        other = Repository(Database(self.repository.database.path, busy_seconds=0))
        with other.database.transaction() as connection:
            (reviews,) = connection.execute("SELECT count(*) FROM reviews").fetchone()
        self.seen.append((reviews, len(other.products())))


def test_many_reviews_are_written_in_portions(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between them others write. A new product is shown, with its factors, after the last."""
    write(folder / REVIEWS, *({**NOISY, "review_id": str(number)} for number in range(5)))
    portions = Portions(repository, monkeypatch)
    shown: list[tuple[int, int]] = []
    ingest(repository, [folder], progress=lambda done, total: shown.append((done, total)))
    assert portions.seen == [(2, 0), (4, 0)]
    assert shown == [(number, 5) for number in range(1, 6)]
    assert repository.corpus("chair").review_count == len(labels(repository)) == 5


def test_portions_become_smaller_where_they_take_long(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine shoppers wait no longer than on an idle one."""
    write(folder / REVIEWS, *({**NOISY, "review_id": str(number)} for number in range(50)))
    portions = Portions(repository, monkeypatch)
    monkeypatch.setattr("app.reviews.ingest.PORTION", 20)
    monkeypatch.setattr("app.reviews.ingest.SMALLEST", 7)
    monkeypatch.setattr("app.reviews.ingest.time.perf_counter", StepClock(step=2 * HOLD_SECONDS))
    ingest(repository, [folder])
    assert [reviews for reviews, _ in portions.seen] == [20, 30, 37, 44]
    assert repository.corpus("chair").review_count == 50


class Walked(dict[Key, Record]):
    """Counts how often it is gone through from end to end."""

    walks = 0

    def __iter__(self) -> Iterator[Key]:
        Walked.walks += 1
        return super().__iter__()

    def values(self) -> Any:
        Walked.walks += 1
        return super().values()

    def items(self) -> Any:
        Walked.walks += 1
        return super().items()


def test_no_row_and_no_portion_costs_a_walk_through_all_rows(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a million of them would never end."""
    looked_up: list[Path] = []

    def counting(path: Path, known: set[str]) -> str:
        looked_up.append(path)
        return by_name(path, known)

    def walked() -> Ledger:
        return Ledger({"factors": {}, "questions": {}, "reviews": Walked()}, Walked())

    Portions(repository, monkeypatch)
    monkeypatch.setattr("app.reviews.categories.by_name", counting)
    monkeypatch.setattr("app.reviews.records.Ledger", walked)
    walks = []
    for number in (4, 40):
        write(folder / REVIEWS, *({**NOISY, "review_id": f"{number} {each}"} for each in range(number)))
        before = Walked.walks
        ingest(repository, [folder])
        walks.append(Walked.walks - before)
    assert looked_up == [folder / REVIEWS] * 2
    assert walks[1] <= walks[0]


def test_a_cached_corpus_stays_until_the_last_portion(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker reads a large import once, not after each portion."""
    ingest(repository, [folder])
    before = repository.corpus("chair")
    write(folder / REVIEWS, *({**NOISY, "review_id": f"new {number}"} for number in range(5)))
    served: list[object] = []
    Portions(repository, monkeypatch)
    ingest(repository, [folder], progress=lambda *_: served.append(repository.corpus("chair")))
    assert set(map(id, served)) == {id(before)}
    assert repository.corpus("chair").review_count == 7


@pytest.mark.parametrize("factors", [FACTORS, FACTORS.replace("소음|삐걱", "바퀴|소음")])
def test_an_import_broken_off_between_portions_goes_on_when_it_is_started_again(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, factors: str
) -> None:
    """With the same factors the rows that are there are duplicates; with new ones all are read again."""
    ingest(repository, [folder])
    (folder / "z_factors.csv").write_text(factors)
    write(folder / REVIEWS, *({**NOISY, "review_id": f"new {number}"} for number in range(5)))
    portions = Portions(repository, monkeypatch)

    def killed(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.reviews.ingest.time.sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        ingest(repository, [folder])
    monkeypatch.setattr("app.reviews.ingest.time.sleep", portions.rest)
    report = numbers(ingest(repository, [folder]))
    changed = int(factors != FACTORS)
    assert report["factors"] == (changed, changed, 0, 1 - changed)
    assert (report["reviews"][0], report["reviews"][3]) == ((5, 0) if changed else (3, 2))
    assert labels(repository) == {"1": "NEG", "2": "POS", **{f"new {number}": "NEG" for number in range(5)}}


def test_every_row_is_counted_once_by_what_became_of_it(
    repository: Repository, folder: Path, metrics: Recorded
) -> None:
    """Rows by kind and result, bytes, time, and errors by type."""
    write(folder / REVIEWS, NOISY, NOISY, {**QUIET, "rating": 9})
    (folder / "broken_chair.json").write_text("[{")
    ingest(repository, [folder])
    rows = {
        (kind, result): metrics.value("ingest_rows_total", kind=kind, result=result)
        for kind in ("factors", "questions", "reviews")
        for result in ("taken", "skipped", "duplicate")
    }
    assert {key: value for key, value in rows.items() if value} == {
        ("factors", "taken"): 1,
        ("questions", "taken"): 1,
        ("reviews", "taken"): 1,
        ("reviews", "skipped"): 1,
        ("reviews", "duplicate"): 1,
    }
    assert metrics.value("ingest_bytes_total") == sum(path.stat().st_size for path in folder.iterdir())
    assert metrics.value("ingest_duration_seconds_count") == 1
    assert metrics.value("errors_total", error_type="bad_row", component="ingest") == 1
    assert metrics.value("errors_total", error_type="bad_file", component="ingest") == 1


def test_a_corpus_is_read_again_only_after_an_import(repository: Repository, folder: Path) -> None:
    """Another process's import shows at the next call, without a restart."""
    ingest(repository, [folder])
    served = Repository(Database(repository.database.path))
    first = served.corpus("chair")
    assert served.corpus("chair") is first
    write(folder / REVIEWS, {**QUIET, "review_id": "3"})
    ingest(repository, [folder])
    assert served.corpus("chair").review_count == 3


def test_an_unknown_product_names_the_known_ones(repository: Repository, folder: Path) -> None:
    """For whoever mistyped it."""
    ingest(repository, [folder])
    with pytest.raises(NotFound, match="no product 'lamp'; known products: chair"):
        repository.corpus("lamp")
    assert repository.product("lamp") is None
