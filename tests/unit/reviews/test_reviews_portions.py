"""Large imports: written in portions, gone on with after a break, in bounded memory."""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from support.imports import NOISY, QUIET, REVIEWS, labels, numbers, write
from support.review_files import FACTORS

from app.database import Database
from app.reviews.files import Contents, NumberedRow, look, look_all
from app.reviews.importing import alone
from app.reviews.ingest import ImportReport, IngestError, ingest
from app.reviews.mentions import mentions
from app.reviews.models import Factor, Mention, Review
from app.reviews.portions import HOLD_SECONDS
from app.reviews.repository import Repository
from app.settings import DATABASE
from telemetry.testing import StepClock


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

    monkeypatch.setattr("app.reviews.portions.mentions", counting)
    with ThreadPoolExecutor() as pool:
        second: list[Future[ImportReport]] = []

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
        assert ingest(repository, [folder], unless=lambda: True) == ImportReport()
    assert ingest(repository, [folder], unless=lambda: True) == ImportReport()
    assert not repository.begun


class Portions:
    """An import in portions of two reviews, and what others see in the store between them."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.repository = repository
        self.seen: list[tuple[int, int]] = []
        monkeypatch.setattr("app.reviews.portions.PORTION", 2)
        monkeypatch.setattr("app.reviews.portions.time.sleep", self.rest)

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
    monkeypatch.setattr("app.reviews.portions.PORTION", 20)
    monkeypatch.setattr("app.reviews.portions.SMALLEST", 7)
    monkeypatch.setattr("app.reviews.portions.time.perf_counter", StepClock(step=2 * HOLD_SECONDS))
    ingest(repository, [folder])
    assert [reviews for reviews, _ in portions.seen] == [20, 30, 37, 44]
    assert repository.corpus("chair").review_count == 50


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

    monkeypatch.setattr("app.reviews.portions.time.sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        ingest(repository, [folder])
    monkeypatch.setattr("app.reviews.portions.time.sleep", portions.rest)
    report = numbers(ingest(repository, [folder]))
    changed = int(factors != FACTORS)
    assert report["factors"] == (changed, changed, 0, 1 - changed)
    assert (report["reviews"][0], report["reviews"][3]) == ((5, 0) if changed else (3, 2))
    assert labels(repository) == {"1": "NEG", "2": "POS", **{f"new {number}": "NEG" for number in range(5)}}


@pytest.mark.process
def test_no_row_costs_more_where_there_are_more(
    state_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a million of them would never end: what the store does grows with the rows, samples or none."""
    monkeypatch.setattr("app.reviews.portions.PORTION", 2)
    monkeypatch.setattr("app.reviews.portions.SMALLEST", 2)
    monkeypatch.setattr("app.reviews.portions.time.sleep", lambda seconds: None)
    costs = []
    for number in (50, 500):
        shutil.copy(state_dir / DATABASE, folder / DATABASE)
        store = Repository(Database(folder / DATABASE))
        write(folder / REVIEWS, *({**NOISY, "review_id": str(each)} for each in range(number)))
        steps: list[None] = []
        store.database.connection.set_progress_handler(lambda steps=steps: steps.append(None), 10)  # type: ignore[misc]
        ingest(store, [folder / REVIEWS])
        assert store.corpus("chair").review_count == number
        store.database.close()
        costs.append(len(steps))
    assert costs[1] < 10 * costs[0]


@pytest.fixture
def _only_new_objects() -> Iterator[None]:
    """gc sees none of what earlier tests have left, which may be millions."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_only_new_objects")
def test_no_more_rows_are_held_than_a_portion_has(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New ones, and those that are read again, as their factors changed."""
    Portions(repository, monkeypatch)
    held: list[int] = []

    def rest(seconds: float) -> None:
        gc.collect()
        held.append(sum(isinstance(each, Review) for each in gc.get_objects()))

    monkeypatch.setattr("app.reviews.portions.time.sleep", rest)
    write(folder / REVIEWS, *({**NOISY, "review_id": str(number)} for number in range(60)))
    ingest(repository, [folder])
    (folder / "z_factors.csv").write_text(FACTORS.replace("소음|삐걱", "바퀴|소음"))
    ingest(repository, [folder / "z_factors.csv"])
    assert len(held) == 2 * 29
    assert 0 < max(held) < 10
    assert repository.corpus("chair").review_count == 60


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_a_file_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Neither when it is looked through nor when its rows are taken; on one line or on many."""
    rows = [{**NOISY, "review_id": str(number), "text": "소음 " * 1_000} for number in range(1_000)]
    objects = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines = [",".join(map(str, row.values())) for row in rows]
    text = {
        "csv": "\n".join([",".join(NOISY), *lines]),
        "json": f"[{','.join(objects)}]",
        "jsonl": "\n".join(objects),
    }[suffix]
    path = tmp_path / f"reviews_chair.{suffix}"
    path.write_text(text)
    del rows, objects, lines, text
    monkeypatch.setattr("app.reviews.opening.PIECE", 1 << 16)
    look(path)
    tracemalloc.start()
    try:
        taken = sum(isinstance(row, NumberedRow) for row in look(path).rows())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken == 1_000
    assert peak < path.stat().st_size / 5


@pytest.mark.parametrize("change", ["rewritten", "cut", "away"])
def test_a_file_that_changes_while_it_is_imported_is_not_taken(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Nothing of a mixture of both is written where that is still possible, and it is said where not."""
    path = folder / REVIEWS
    changes: dict[str, Callable[[], object]] = {
        "rewritten": lambda: path.write_text(path.read_text().replace("소음", "소리")),
        "cut": lambda: path.write_text(path.read_text()[:150]),
        "away": path.unlink,
    }
    later = changes[change]

    def looked(paths: Sequence[Path]) -> list[Contents]:
        found = look_all(paths)
        later()
        return found

    monkeypatch.setattr("app.reviews.ingest.look_all", looked)
    with pytest.raises(IngestError, match=f"{path} changed while it was imported.*; nothing was written"):
        ingest(repository, [folder])
    assert repository.products() == ()


def test_what_is_added_to_a_file_meanwhile_is_another_imports(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crawler may go on writing lines."""
    path = (folder / REVIEWS).rename(folder / "reviews_chair.jsonl")
    path.write_text(json.dumps(NOISY) + "\n" + json.dumps(QUIET))

    def looked(paths: Sequence[Path]) -> list[Contents]:
        found = look_all(paths)
        with path.open("a") as file:
            file.write("\n" + json.dumps({**QUIET, "review_id": "3"}))
        return found

    with monkeypatch.context() as patched:
        patched.setattr("app.reviews.ingest.look_all", looked)
        assert numbers(ingest(repository, [folder]))["reviews"] == (2, 0, 0, 0)
    assert numbers(ingest(repository, [path]))["reviews"] == (1, 0, 0, 2)


def test_a_disk_that_is_full_after_some_portions_keeps_them_and_says_so(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No new product is shown yet. The same import takes the rest, once there is room."""
    Portions(repository, monkeypatch)
    write(folder / REVIEWS, *({**NOISY, "review_id": str(number)} for number in range(100)))
    connection = repository.database.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(IngestError, match=r"is full\. Free space: .*; a part was written, and the same"):
        ingest(repository, [folder])
    (written,) = connection.execute("SELECT count(*) FROM reviews").fetchone()
    assert 0 < written < 100
    assert written % 2 == 0
    assert repository.products() == ()
    connection.execute("PRAGMA max_page_count = 1000000")
    assert numbers(ingest(repository, [folder]))["reviews"] == (100 - written, 0, 0, written)
    assert repository.corpus("chair").review_count == 100
    assert sum(tally.total for tally in repository.corpus("chair").tallies.values()) == 100


def test_no_room_for_what_an_import_has_met_is_said_in_a_line(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written then, and nothing left."""

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("app.reviews.seen.NamedTemporaryFile", full)
        with pytest.raises(IngestError, match=r"No space left on device\. .*; nothing was written"):
            ingest(repository, [folder])
    ingest(repository, [folder])
    assert repository.corpus("chair").review_count == 2
    state = repository.database.path.parent
    assert not list(state.glob("*seen*"))


def test_a_lock_that_cannot_be_made_is_said_in_a_line(repository: Repository, folder: Path) -> None:
    """As on a disk without room for one more file."""
    path = repository.database.path
    lock = path.with_name(f"{path.name}-import")
    lock.mkdir()
    with pytest.raises(IngestError, match=rf"^the store {lock} cannot be used: Is a directory\..*"):
        ingest(repository, [folder])
