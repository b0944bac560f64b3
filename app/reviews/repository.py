"""Products and their analysed reviews, as the store has them at each call, in every process."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future, TimeoutError
from threading import Thread

from app.database import Database
from app.errors import NotFound
from app.reviews.best import best
from app.reviews.corpus import Corpus
from app.reviews.models import Factor, Product, Question
from app.reviews.records import content
from app.reviews.rows import KINDS, Kind
from app.reviews.schema import SCHEMA
from app.reviews.upgrade import upgrade

AT_ONCE_SECONDS = 1.0
"""Within which an import's rows are served at once: some 50,000 reviews."""

PRODUCTS = """
SELECT category, name, category_name,
       (SELECT count(*) FROM reviews WHERE reviews.category = products.category) AS review_count
FROM products WHERE generation > 0 {condition} ORDER BY category
"""
# All rows of a kind in a category are samples, or all are own: one row decides.
SAMPLES = """
SELECT category, (SELECT sample FROM factors WHERE factors.category = products.category LIMIT 1) AS factors,
       (SELECT sample FROM questions WHERE questions.category = products.category LIMIT 1) AS questions,
       (SELECT sample FROM reviews WHERE reviews.category = products.category LIMIT 1) AS reviews
FROM products
"""


class Repository:
    """The store's review side. Safe for threads; a corpus is read again only after an import changed it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.create(SCHEMA)
        upgrade(database)
        self._corpora: dict[str, Corpus] = {}
        self._lock = threading.Lock()

    def products(self) -> tuple[Product, ...]:
        """Every product, by id."""
        return tuple(map(_product, self.database.connection.execute(PRODUCTS.format(condition=""))))

    def product(self, product_id: str) -> Product | None:
        """One product, or None."""
        query = PRODUCTS.format(condition="AND category = ?")
        row = self.database.connection.execute(query, (product_id,)).fetchone()
        return None if row is None else _product(row)

    def factors(self, product_id: str) -> tuple[Factor, ...]:
        """A product's factors, in the order of their import."""
        query = "SELECT content FROM factors WHERE category = ? ORDER BY rowid"
        return tuple(Factor(**content(row)) for row in self.database.connection.execute(query, (product_id,)))

    def questions(self, product_id: str) -> tuple[Question, ...]:
        """A product's questions, in the order of their import."""
        query = "SELECT content FROM questions WHERE category = ? ORDER BY rowid"
        return tuple(
            Question(**content(row)) for row in self.database.connection.execute(query, (product_id,))
        )

    @property
    def begun(self) -> bool:
        """Whether an import has been here. What it brought may be gone again."""
        query = "SELECT generation > 0 OR EXISTS (SELECT 1 FROM products) FROM catalogue"
        return bool(self.database.connection.execute(query).fetchone()[0])

    def samples(self) -> dict[str, tuple[Kind, ...]]:
        """The kinds of data that are samples, by product id."""
        rows = self.database.connection.execute(SAMPLES)
        return {row["category"]: tuple(kind for kind in KINDS if row[kind]) for row in rows}

    def generation(self, product_id: str) -> int | None:
        """The product's last change, as a generation of the catalogue; None: unknown product."""
        query = "SELECT generation FROM products WHERE category = ? AND generation > 0"
        row = self.database.connection.execute(query, (product_id,)).fetchone()
        return None if row is None else int(row["generation"])

    def corpus(self, product_id: str) -> Corpus:
        """A product's factors, questions and reviews. NotFound lists the known products.

        After an import a thread reads it again. The first caller waits for the thread, briefly; until it is
        ready, callers get the old state.
        """
        generation = self.generation(product_id)
        if generation is None:
            known = ", ".join(product.product_id for product in self.products()) or "none"
            raise NotFound(f"no product {product_id!r}; known products: {known}")
        cached = self._corpora.get(product_id)
        if cached is None:
            with self._lock:
                return self._up_to_date(product_id)
        if cached.generation == generation or not self._lock.acquire(blocking=False):
            return cached
        read: Future[Corpus] = Future()
        try:
            Thread(target=self._renew, args=(product_id, read), name="corpus", daemon=True).start()
        except RuntimeError:  # no thread is to be had
            self._renew(product_id, read)
        try:
            return read.result(AT_ONCE_SECONDS)
        except TimeoutError:
            return cached

    def _renew(self, product_id: str, read: Future[Corpus]) -> None:
        """Read it, with the lock that the caller has taken."""
        try:
            try:
                found = self._up_to_date(product_id)
            finally:
                self._lock.release()
            read.set_result(found)
        except Exception as error:  # for who waits; where nobody does, the next request tries again
            read.set_exception(error)

    def _up_to_date(self, product_id: str) -> Corpus:
        held = self._corpora.get(product_id)
        if held is None or held.generation != self.generation(product_id):
            held = self._corpora[product_id] = self._read(product_id)
        return held

    def _read(self, product_id: str) -> Corpus:
        with self.database.snapshot() as connection:
            product = self.product(product_id)
            generation = self.generation(product_id)
            if product is None or generation is None:
                raise NotFound(f"no product {product_id!r}")
            factors, questions = self.factors(product_id), self.questions(product_id)
            samples = self.samples().get(product_id, ())
            mentions, counts, newest = best(connection, product_id)
            return Corpus(product, factors, questions, mentions, generation, samples, counts, newest)


def _product(row: sqlite3.Row) -> Product:
    return Product(row["category"], row["name"], row["category"], row["category_name"], row["review_count"])
