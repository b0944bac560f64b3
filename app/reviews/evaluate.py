"""How often the labels are right: precision and recall on labelled sentences.

`python -m app.reviews.evaluate tests/data/labelled_sentences.csv`
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.reviews.files import read_factors
from app.reviews.mentions import mentions
from app.reviews.models import Factor, Review

LABELS = ("POS", "NEG", "MIX", "NEU")
NOT_NAMED = "-"
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class LabelledText:
    """A text, what it says of a factor ("-": it does not speak of it), and its review's rating."""

    sentence: str
    category: str
    factor_key: str
    label: str
    half: str
    rating: str = "3"


@dataclass(frozen=True)
class LabelScore:
    """How one label fared: `right` of `given` and of `expected`."""

    right: int
    given: int
    expected: int

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0


def read(path: Path) -> tuple[LabelledText, ...]:
    """The labelled sentences of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(LabelledText(**row) for row in csv.DictReader(file))


def answers(labelled: Sequence[LabelledText], factors: Sequence[Factor]) -> list[str]:
    """The label that the analysis gives each sentence."""
    by_category: dict[str, list[Factor]] = defaultdict(list)
    for factor in factors:
        by_category[factor.category].append(factor)
    given = []
    for each in labelled:
        review = Review("r", int(each.rating), each.sentence, THEN)
        (found,) = mentions([review], by_category[each.category])
        given.append(
            next((mention.label for mention in found if mention.factor_key == each.factor_key), NOT_NAMED)
        )
    return given


def measure(pairs: Iterable[tuple[str, str]]) -> Mapping[str, LabelScore]:
    """Per label, from (expected, given) pairs; "all" over all of them."""
    counted = Counter(pairs)
    expected, given = Counter[str](), Counter[str]()
    for (wanted, got), number in counted.items():
        expected[wanted] += number
        given[got] += number
    result = {label: LabelScore(counted[label, label], given[label], expected[label]) for label in LABELS}
    right = sum(number for (wanted, got), number in counted.items() if wanted == got)
    return {**result, "all": LabelScore(right, counted.total(), counted.total())}


def main(
    labelled: Annotated[
        Path, typer.Argument(help="CSV: sentence, category, factor_key, label, half, rating (optional).")
    ],
    factors: Annotated[
        Path | None, typer.Option(help="Factors CSV; default: labelled_factors.csv beside the sentences.")
    ] = None,
    half: Annotated[str, typer.Option(help="Only the rows of this half (tune, held_out).")] = "",
    wrong: Annotated[bool, typer.Option(help="List the sentences that were labelled wrong.")] = False,
) -> None:
    """Report precision and recall per label, for each half of the labelled sentences."""
    rows = read(labelled)
    given = answers(rows, read_factors(factors or labelled.with_name("labelled_factors.csv")))
    console = Console(width=None if sys.stdout.isatty() else 100)
    for part in sorted({row.half for row in rows if not half or row.half == half}):
        pairs = [(row.label, got) for row, got in zip(rows, given, strict=True) if row.half == part]
        console.print(_table(part, measure(pairs)))
    for row, got in zip(rows, given, strict=True):
        if wrong and row.label != got and (not half or row.half == half):
            console.print(f"{row.label} -> {got}  {row.factor_key}: {row.sentence}", markup=False)


def _table(title: str, measured: Mapping[str, LabelScore]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("label", "sentences", "precision", "recall"):
        table.add_column(column, justify="right" if column != "label" else "left")
    for label, each in measured.items():
        table.add_row(label, str(each.expected), f"{each.precision:.3f}", f"{each.recall:.3f}")
    return table


if __name__ == "__main__":
    typer.run(main)
