"""Imports of a small product, and what has become of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.reviews.ingest import ImportReport
from app.reviews.repository import Repository

NOISY = {"review_id": "1", "rating": 2, "text": "소음이 너무 심해요", "created_at": "2026-01-01T00:00:00Z"}
QUIET = {"review_id": "2", "rating": 5, "text": "소음이 없어요", "created_at": "2026-01-02T00:00:00Z"}
REVIEWS = "reviews_shop_brand_chair_20260101_101500.json"


def write(path: Path, *reviews: dict[str, Any]) -> Path:
    """A reviews file."""
    path.write_text(json.dumps(reviews, ensure_ascii=False))
    return path


def numbers(report: ImportReport) -> dict[str, tuple[int, int, int, int]]:
    """(taken, updated, skipped, duplicates) by kind."""
    return {
        str(file.kind): (file.taken, file.updated, file.skipped, file.duplicates) for file in report.files
    }


def reasons(report: ImportReport) -> list[str]:
    """Why things were not taken."""
    return [problem.reason for problem in report.problems]


def labels(repository: Repository) -> dict[str, str]:
    """What the store's reviews say of noise."""
    return {mention.review_id: mention.label for mention in repository.corpus("chair").mentions}
