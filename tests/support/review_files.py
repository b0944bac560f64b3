"""Small files in the formats of the review files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.reviews.files import ImportProblem, NumberedRow, look
from app.reviews.rows import Kind

FACTORS = (
    "factor_id,factor_key,category,category_name,product_name,regret_type,display_name,description,"
    "anchor_terms,context_terms,negation_terms,weight,review_mentions\n"
    "101,noise,chair,의자,의자 S2,comfort,소음,소리,소음|삐걱,밤,없|않,1.2,3\n"
)
QUESTIONS = (
    "question_id,factor_id,factor_key,question_text,answer_type,choices,next_factor_hint\n"
    "1,101,noise,예민하세요?,single_choice,네|아니요,\n"
)


@dataclass(frozen=True)
class Whole:
    """A file with all its rows, and with all that is wrong."""

    kind: Kind | None
    unknown_columns: tuple[str, ...]
    rows: list[NumberedRow]
    problems: list[ImportProblem]


def read(path: Path) -> Whole:
    """Read a file from its first row to its last."""
    file = look(path)
    found = list(file.rows())
    rows = [row for row in found if isinstance(row, NumberedRow)]
    bad = [row for row in found if isinstance(row, ImportProblem)]
    return Whole(file.kind, file.unknown_columns, rows, [file.problem, *bad] if file.problem else bad)
