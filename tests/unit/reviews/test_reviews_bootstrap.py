"""The samples of a store that is used for the first time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.review_files import FACTORS

from app.database import Database
from app.reviews.ingest import ingest
from app.reviews.repository import Repository
from app.reviews.samples import load_samples

FRESH = """
import sys
from pathlib import Path
from app.database import Database
from app.reviews.repository import Repository
from app.reviews.retrieval import retrieve
from app.reviews.samples import load_samples
from app.reviews.scoring import concerns
repository = Repository(Database(Path(sys.argv[1])))
load_samples(repository)
corpus = repository.corpus("robot_cleaner")
assert len(retrieve(corpus, concerns(corpus, []))) == 10
assert "kiwipiepy" not in sys.modules and "numpy" not in sys.modules
"""


@pytest.mark.process
def test_workers_that_start_together_load_the_samples_once(tmp_path: Path) -> None:
    """Two see the empty store at the same time; each review is there once, every factor is spoken of."""
    path = tmp_path / "reviewlens.db"
    repositories = [Repository(Database(path)) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(load_samples, repositories))
    products = repositories[0].products()
    assert len(products) >= 6
    assert {"robot_cleaner", "appliance"} <= {product.product_id for product in products}
    for product in products:
        corpus = repositories[1].corpus(product.product_id)
        assert corpus.review_count >= 60
        assert corpus.factors_matched == len(corpus.factors) >= 8


def test_a_store_with_products_is_left_alone(tmp_path: Path) -> None:
    """Who imported their own data gets no samples."""
    repository = Repository(Database(tmp_path / "reviewlens.db"))
    (tmp_path / "factors.csv").write_text(FACTORS)
    ingest(repository, [tmp_path / "factors.csv"])
    load_samples(repository)
    assert [product.product_id for product in repository.products()] == ["chair"]


def test_serving_never_loads_the_analyser(tmp_path: Path) -> None:
    """Neither the first start nor a retrieval costs its second and its half gigabyte."""
    subprocess.run([sys.executable, "-c", FRESH, str(tmp_path / "reviewlens.db")], check=True, timeout=120)


@pytest.mark.process
def test_a_failed_import_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's last words are in the error."""
    repository = Repository(Database(tmp_path / "reviewlens.db"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="the sample reviews could not be imported"):
        load_samples(repository)
