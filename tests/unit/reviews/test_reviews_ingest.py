"""Imports: what is taken, what is not, and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from support.imports import NOISY, QUIET, REVIEWS, labels, numbers, reasons, write
from support.review_files import FACTORS

from app.database import Database
from app.errors import NotFound
from app.reviews import records
from app.reviews.ingest import ingest
from app.reviews.repository import Repository
from telemetry.testing import Recorded


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
