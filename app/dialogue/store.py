"""The store of dialogues between turns: the engine's view of any store."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from app.dialogue.model import Abandoned, Reason, Session, digest
from app.errors import Conflict, Full

PRODUCT_SELECTION = "product_selection"
KEEP_ENDED_SECONDS = 24 * 3600.0
MOST_LIVE = 50_000
# Sessions that one call of expire() ends at most: this bounds how long it blocks others.
PORTION = 500


class Overtaken(Conflict):
    """A state was not kept: the session has changed since it was read."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {digest(session_id)} went on elsewhere, or has ended")


class TooManyLive(Full):
    """No session was begun: as many are live, over all workers and machines, as may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} dialogues are going on, as many as may at one time; try again later")


class SessionEvidence(NamedTuple):
    """What a live session holds."""

    category: str
    session_id: str
    pieces: int


class LiveEvidence(NamedTuple):
    """Some of the live sessions that hold evidence, and for each category how many hold how much in all."""

    some: list[SessionEvidence]
    totals: dict[str, tuple[int, int]]


class SessionStore(Protocol):
    """What the engine needs of a store. Every method is atomic, whichever worker calls it.

    A session is live until it is ended; the time-out alone does not end it, expire() does.
    """

    def open_visit(self, product_id: str) -> str:
        """Note that a shopper looks at a product; the visit's id."""

    def begin(self, session: Session, visit_id: str | None) -> bool:
        """Keep a new session and end its visit. False: no such visit is live for that product.

        TooManyLive: the limit of live sessions is reached; timed-out sessions do not count.
        """

    def get(self, session_id: str) -> Session | None:
        """A session as it stands, ended ones too."""

    def save(self, session: Session) -> Session:
        """Keep a session's next state. Overtaken where another turn was faster, or it has ended."""

    def abandon(self, session_id: str, reason: Reason) -> Abandoned | None:
        """End a live session. None where it is not live: it was ended, and counted, before."""

    def expire(self) -> list[Abandoned]:
        """End sessions and visits idle for the time-out, PORTION of each at most, and return them to this
        caller alone. None: no more are left, or another worker is sweeping.
        """

    def forget(self) -> int:
        """Remove sessions that ended KEEP_ENDED_SECONDS ago, PORTION at most. Returns how many."""

    def live_evidence(self, most: int) -> LiveEvidence:
        """The `most` oldest of the live sessions with evidence, and the sums of all."""

    def tally(self, key: str, amount: int, seconds: int) -> int:
        """Add to a count that ends `seconds` after its beginning. Returns the count of all workers."""

    def tallied(self, key: str) -> tuple[int, float]:
        """The count, and the seconds until it ends."""

    def probe(self, seconds: float) -> None:
        """Write something that changes nothing, waiting `seconds` for it. Raises StoreError."""

    def warnings(self) -> list[str]:
        """Settings that work now and may lose sessions later, a line each."""

    def close(self) -> None:
        """Close connections and files."""
