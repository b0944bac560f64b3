"""A worker's part of a product's mentions: their counts, and the best of each kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from sqlite3 import Connection, Row
from typing import NamedTuple

from app.reviews.corpus import KEPT, Group, quality
from app.reviews.models import Mention

COUNTS = """
SELECT factor_key, label, count(*), max(created_at)
FROM mentions JOIN reviews USING (category, review_id) JOIN factors USING (category, factor_key)
WHERE category = ? GROUP BY factor_key, label
"""
RANKED = """
SELECT factor_key, label, strength, created_at, review_id, mentions.rowid
FROM mentions JOIN reviews USING (category, review_id) JOIN factors USING (category, factor_key)
WHERE category = ?
"""
MENTION = """
SELECT review_id, factor_key, rating, created_at, label, strength, excerpt
FROM mentions JOIN reviews USING (category, review_id) WHERE mentions.rowid = ?
"""


class Best(NamedTuple):
    """The best mentions of each group, how many each group has, and the time of the newest."""

    mentions: tuple[Mention, ...]
    counts: Mapping[Group, int]
    newest: datetime | None


def best(connection: Connection, category: str) -> Best:
    """Read a category's mentions in one pass; at its end at most KEPT of a group are held."""
    groups = [tuple(row) for row in connection.execute(COUNTS, (category,))]
    if not groups:
        return Best((), {}, None)
    counts = {(key, label): number for key, label, number, _ in groups}
    newest = datetime.fromisoformat(max(at for *_, at in groups))
    chosen = sorted(_best(connection, category, newest))
    mentions = (_mention(connection.execute(MENTION, (rowid,)).fetchone()) for _, _, rowid in chosen)
    return Best(tuple(mentions), counts, newest)


def _best(connection: Connection, category: str, newest: datetime) -> Iterator[tuple[str, str, int]]:
    """Review, factor and row of each."""
    groups: dict[Group, list[tuple[float, str, int]]] = defaultdict(list)
    for key, label, strength, at, review_id, rowid in connection.execute(RANKED, (category,)):
        group = groups[key, label]
        group.append((-quality(strength, datetime.fromisoformat(at), newest), review_id, rowid))
        if len(group) == 4 * KEPT:
            group.sort()
            del group[KEPT:]
    for (key, _), group in groups.items():
        for _, review_id, rowid in sorted(group)[:KEPT]:
            yield review_id, key, rowid


def _mention(row: Row) -> Mention:
    return Mention(**{**dict(row), "created_at": datetime.fromisoformat(row["created_at"])})
