"""The user's own data take the samples' place, kind by kind."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from support.review_files import FACTORS, QUESTIONS

from app.database import Database
from app.reviews import records
from app.reviews.ingest import ImportReport, ingest
from app.reviews.opening import SAMPLES
from app.reviews.report import show
from app.reviews.repository import Repository
from app.reviews.samples import load_samples
from app.reviews.samples_command import take_out
from app.settings import DATABASE

NOISY = {"review_id": "1", "rating": 2, "text": "허리가 아파요", "created_at": "2026-01-01T00:00:00Z"}
CHAIR = "reviews_shop_brand_chair_20260101_101500.json"
EVERY_KIND = ("factors", "questions", "reviews")


@pytest.fixture
def repository(state_dir: Path) -> Repository:
    """A store with the samples."""
    return Repository(Database(state_dir / DATABASE))


def own(tmp_path: Path, name: str, text: str) -> Path:
    """A file of the user's own."""
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def own_reviews(tmp_path: Path) -> Path:
    """A reviews file of the user's own."""
    return own(tmp_path, CHAIR, json.dumps([NOISY]))


def rows(repository: Repository, category: str) -> dict[str, Counter[str]]:
    """How many sample and own rows of each kind a category has."""
    query = "SELECT sample, count(*) FROM {} WHERE category = ? GROUP BY sample"
    return {
        kind: Counter(
            {
                "sample" if sample else "own": number
                for sample, number in repository.database.connection.execute(query.format(kind), (category,))
            }
        )
        for kind in EVERY_KIND
    }


def reasons(report: ImportReport) -> set[str]:
    """Why rows were not taken."""
    return {problem.reason for problem in report.problems}


def test_the_samples_are_known_as_such(repository: Repository) -> None:
    """Every product, every kind."""
    assert set(repository.samples().values()) == {EVERY_KIND}
    assert repository.corpus("chair").samples == EVERY_KIND


def test_own_reviews_replace_the_sample_reviews_and_borrow_the_factors(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No verdict quotes an invented review any more; other categories stay. The report says both."""
    before = rows(repository, "chair")
    report = ingest(repository, [own_reviews(tmp_path)])
    assert rows(repository, "chair") == {**before, "reviews": Counter(own=1)}
    corpus = repository.corpus("chair")
    assert (corpus.samples, corpus.review_count) == (("factors", "questions"), 1)
    assert {mention.review_id for mention in corpus.mentions} == {"1"}
    assert repository.corpus("mattress").samples == EVERY_KIND
    show(report)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "chair: samples that make room for own rows: reviews",
        "chair: own reviews are scored with the sample factors, until you import factors",
    ]


def test_own_factors_replace_the_sample_factors_and_questions(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The product has its own name, and the sample reviews that are left are read by the own factors."""
    report = ingest(repository, [own(tmp_path, "factors.csv", FACTORS)])
    found = rows(repository, "chair")
    assert (found["factors"], found["questions"]) == (Counter(own=1), Counter())
    corpus = repository.corpus("chair")
    assert (corpus.product.name, corpus.samples) == ("의자 S2", ("reviews",))
    assert {mention.factor_key for mention in corpus.mentions} == {"noise"}
    show(report)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "chair: samples that make room for own rows: factors, questions"


def test_own_questions_alone_replace_the_sample_questions(repository: Repository, tmp_path: Path) -> None:
    """They ask about the sample factors, which stay until there are own ones."""
    before = rows(repository, "robot_cleaner")
    ingest(repository, [own(tmp_path, "questions.csv", QUESTIONS)])  # 101, noise: a sample factor of that one
    assert rows(repository, "robot_cleaner") == {**before, "questions": Counter(own=1)}


def test_an_own_question_asks_about_an_own_factor_though_a_sample_has_its_id(
    repository: Repository, tmp_path: Path
) -> None:
    """Files number from 101 as the samples do."""
    own(tmp_path, "questions.csv", QUESTIONS)
    report = ingest(repository, [own(tmp_path, "factors.csv", FACTORS).parent])
    assert report.problems == ()
    assert rows(repository, "chair")["questions"] == Counter(own=1)
    assert rows(repository, "robot_cleaner")["questions"]["own"] == 0


def test_samples_never_come_where_own_rows_are(repository: Repository, tmp_path: Path) -> None:
    """Importing the shipped folder once more takes nothing into the kinds that are own."""
    own(tmp_path, "factors.csv", FACTORS)
    ingest(repository, [own_reviews(tmp_path).parent])
    before = rows(repository, "chair")
    report = ingest(repository, [SAMPLES])
    assert rows(repository, "chair") == before
    assert "a sample, and 'chair' has factors of your own" in reasons(report)
    assert "a sample, and 'chair' has reviews of your own" in reasons(report)
    assert all(file.taken == 0 for file in report.files)


def test_sample_questions_never_come_where_own_factors_are(repository: Repository, tmp_path: Path) -> None:
    """Though the own ones have the samples' ids, so that the questions would fit."""
    text = (SAMPLES / "factors.csv").read_text()
    ingest(repository, [own(tmp_path, "mine.csv", text + "\n")])
    assert rows(repository, "chair")["questions"] == Counter()
    report = ingest(repository, [SAMPLES / "questions.csv"])
    assert rows(repository, "chair")["questions"] == Counter()
    assert "a sample, and 'chair' has factors of your own" in reasons(report)


def test_a_shipped_file_under_another_name_is_still_a_sample(repository: Repository, tmp_path: Path) -> None:
    """Byte for byte the same; changed by one byte it is the user's own."""
    text = (SAMPLES / "factors.csv").read_text()
    ingest(repository, [own(tmp_path, "mine.csv", text)])
    assert rows(repository, "chair")["factors"]["own"] == 0
    ingest(repository, [own(tmp_path, "mine.csv", text + "\n")])
    assert rows(repository, "chair")["factors"]["sample"] == 0
    assert len(repository.factors("chair")) == rows(repository, "chair")["factors"]["own"] > 1


def test_a_bad_own_row_takes_no_sample_away(repository: Repository, tmp_path: Path) -> None:
    """Only what is taken has a place to fill."""
    before = rows(repository, "chair")
    ingest(repository, [own(tmp_path, CHAIR, json.dumps([{**NOISY, "rating": 9}]))])
    ingest(repository, [own_reviews(tmp_path)], dry_run=True)
    assert rows(repository, "chair") == before


def test_samples_go_and_own_rows_come_in_one_transaction(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault while own rows are written leaves the samples."""
    before = rows(repository, "chair")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    for name in ("_mention_rows", "show"):
        with monkeypatch.context() as patched, pytest.raises(OSError, match="disk full"):
            patched.setattr(records, name, fail)
            ingest(repository, [own_reviews(tmp_path)])
        assert rows(repository, "chair") == before


def test_removed_samples_stay_away_and_own_rows_stay(repository: Repository, tmp_path: Path) -> None:
    """No start brings them back. What own reviews say waits for own factors."""
    ingest(repository, [own_reviews(tmp_path)])
    removed = take_out(repository)
    assert {kind for category, kind in removed if category == "chair"} == {"factors", "questions"}
    load_samples(repository)
    (product,) = repository.products()
    assert (product.name, product.review_count) == (product.category_name, 1)
    corpus = repository.corpus("chair")
    assert (corpus.samples, corpus.factors, corpus.mentions) == ((), (), ())
    ingest(repository, [own(tmp_path, "factors.csv", FACTORS.replace("소음|삐걱", "허리"))])
    assert [mention.review_id for mention in repository.corpus("chair").mentions] == ["1"]
    assert take_out(repository) == {}


def test_a_product_made_again_is_not_served_from_a_cache(repository: Repository, tmp_path: Path) -> None:
    """Its generation goes on from the store's, and does not begin again."""
    served = Repository(Database(repository.database.path))
    assert served.corpus("chair").review_count > 1
    take_out(repository)
    own(tmp_path, "factors.csv", FACTORS)
    ingest(repository, [own_reviews(tmp_path).parent])
    assert served.corpus("chair").review_count == 1
    assert served.corpus("chair").product.name == "의자 S2"


def test_samples_that_were_never_wanted_stay_away(tmp_path: Path) -> None:
    """Removing them from an empty store is a word for all later starts."""
    repository = Repository(Database(tmp_path / DATABASE))
    assert take_out(repository) == {}
    load_samples(repository)
    assert repository.products() == ()


def earlier_release(path: Path) -> Repository:
    """The same store as the release before the marks wrote it."""
    repository = Repository(Database(path))
    with repository.database.transaction() as connection:
        for kind in EVERY_KIND:
            connection.execute(f"ALTER TABLE {kind} DROP COLUMN sample")
        connection.execute("DROP TABLE catalogue")
    return repository


def test_a_store_of_an_earlier_release_knows_its_samples(state_dir: Path) -> None:
    """They are told by their values; the next own rows replace them."""
    path = state_dir / DATABASE
    generation = earlier_release(path).generation("chair")
    repository = Repository(Database(path))
    assert set(repository.samples().values()) == {EVERY_KIND}
    assert repository.generation("chair") == generation
    assert all(number["own"] == 0 for number in rows(repository, "mattress").values())
    ingest(repository, [own_reviews(state_dir)])
    assert rows(repository, "chair")["reviews"] == Counter(own=1)


def test_samples_beside_own_rows_go_when_such_a_store_is_opened(
    state_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The mixture that earlier releases made ends, in one transaction. No own row is lost."""
    path = state_dir / DATABASE
    mixed(Repository(Database(path)), tmp_path)
    earlier_release(path)
    repository = Repository(Database(path))
    assert rows(repository, "chair") == {
        "factors": Counter(own=1),
        "questions": Counter(own=1),
        "reviews": Counter(own=1),
    }
    corpus = repository.corpus("chair")
    assert (corpus.samples, corpus.product.name, corpus.review_count) == ((), "의자 S2", 1)
    assert repository.corpus("mattress").samples == EVERY_KIND
    assert "sample reviews went, as there are own ones" in caplog.text


def mixed(repository: Repository, tmp_path: Path) -> None:
    """Own rows of every kind beside the samples, as earlier releases left them."""
    shutil.copy(repository.database.path, tmp_path / "with.db")
    own(tmp_path, "factors.csv", FACTORS)
    own(tmp_path, "questions.csv", QUESTIONS)
    ingest(repository, [own_reviews(tmp_path).parent])
    repository.database.connection.execute("ATTACH ? AS samples", (str(tmp_path / "with.db"),))
    with repository.database.transaction() as connection:
        for kind in EVERY_KIND:
            connection.execute(f"INSERT OR IGNORE INTO {kind} SELECT * FROM samples.{kind}")  # noqa: S608


def test_sample_factors_that_somebody_edited_stay_whole(state_dir: Path) -> None:
    """In a store of an earlier release the rest of the edited set are no samples either."""
    path = state_dir / DATABASE
    repository = earlier_release(path)
    number = len(repository.factors("chair"))
    repository.database.connection.execute(
        "UPDATE factors SET content = json_set(content, '$.weight', 9.0)"
        " WHERE category = 'chair' AND rowid = (SELECT min(rowid) FROM factors WHERE category = 'chair')"
    )
    found = rows(Repository(Database(path)), "chair")
    assert found["factors"] == Counter(own=number)
    assert found["questions"]["own"] > 0
    assert found["reviews"]["own"] == 0


EARLIER_FACTOR = """
INSERT INTO factors (category, factor_key, content) VALUES ('chair', ?, ?)
ON CONFLICT (category, factor_key) DO UPDATE SET content = excluded.content
"""
EARLIER_REVIEW = """
INSERT INTO reviews (category, review_id, source, rating, text, created_at)
VALUES ('chair', ?, 'reviews_shop_brand_chair', 2, '허리가 아파요', '2026-01-01T00:00:00+00:00')
"""


def import_with_an_earlier_release(path: Path) -> None:
    """An own review, an own factor under a sample's key, and the product's change, as it writes them."""
    database = Database(path)
    with database.transaction() as connection:
        key, content = connection.execute(
            "SELECT factor_key, content FROM factors WHERE category = 'chair' LIMIT 1"
        ).fetchone()
        connection.execute(EARLIER_FACTOR, (key, json.dumps({**json.loads(content), "weight": 9.0})))
        for number in (0, 1):
            connection.execute(EARLIER_REVIEW, (number,))
        connection.execute("UPDATE products SET generation = generation + 1 WHERE category = 'chair'")
    database.close()


def test_an_earlier_release_imports_into_the_store_and_its_traces_can_be_cleared(
    state_dir: Path, tmp_path: Path
) -> None:
    """It knows no marks. Back here, the samples are taken out, and own files are imported once more."""
    path = state_dir / DATABASE
    import_with_an_earlier_release(path)
    repository = Repository(Database(path))
    assert rows(repository, "chair")["reviews"]["own"] == 2
    take_out(repository)
    assert rows(repository, "chair") == {
        "factors": Counter(), "questions": Counter(), "reviews": Counter(own=2)
    }  # fmt: skip
    own(tmp_path, "factors.csv", FACTORS.replace("소음|삐걱", "허리"))
    assert ingest(repository, [own_reviews(tmp_path).parent]).problems == ()
    corpus = repository.corpus("chair")
    assert (corpus.samples, corpus.review_count) == ((), 2)
    assert {mention.review_id for mention in corpus.mentions} == {"0", "1"}


def test_a_change_after_an_earlier_release_counted_on_is_seen(state_dir: Path, tmp_path: Path) -> None:
    """The catalogue's count goes on from the highest, so that no worker takes the new for what it has."""
    path = state_dir / DATABASE
    import_with_an_earlier_release(path)
    repository = Repository(Database(path))
    before = repository.corpus("chair")
    ingest(repository, [own(tmp_path, CHAIR, json.dumps([{**NOISY, "review_id": "new"}]))])
    assert repository.corpus("chair").review_count != before.review_count
