"""The gauge of live sessions: some under a name of their own, the folded added up."""

from __future__ import annotations

from collections.abc import Callable

from app.dialogue.model import digest
from app.dialogue.store import LiveEvidence, SessionStore
from telemetry.record.gauges import Some
from telemetry.record.schema import OTHER


def live_series(store: SessionStore) -> Callable[[int], Some]:
    """What active_evidence_gauge follows: as many sessions by name as it has room for."""
    return lambda most: _series(store.live_evidence(most))


def _series(live: LiveEvidence) -> Some:
    folded = {category: list(total) for category, total in live.totals.items()}
    for category, _, pieces in live.some:
        folded[category][0] -= 1
        folded[category][1] -= pieces
    return Some(
        [((category, digest(session_id)), pieces) for category, session_id, pieces in live.some],
        [((category, OTHER), pieces) for category, (sessions, pieces) in folded.items() if sessions],
        sum(sessions for sessions, _ in folded.values()),
    )
