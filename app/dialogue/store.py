"""Where dialogues live between turns: what the engine needs of a store, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from app.dialogue.model import Abandoned, Reason, Session
from app.errors import Conflict

PRODUCT_SELECTION = "product_selection"
KEEP_ENDED_SECONDS = 24 * 3600.0


class Overtaken(Conflict):
    """A state was not kept: the session is no longer the one that it was made from."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {session_id} went on elsewhere, or has ended")


class SessionStore(Protocol):
    """What the engine needs of a store. Every method is atomic, whichever worker calls it."""

    def open_visit(self, product_id: str) -> str:
        """Note that a shopper looks at a product; the visit's id."""

    def begin(self, session: Session, visit_id: str | None) -> bool:
        """Keep a new session and end the visit it came from. False where none is live for that product."""

    def get(self, session_id: str) -> Session | None:
        """A session as it stands, ended ones too."""

    def save(self, session: Session) -> Session:
        """Keep a session's next state. Overtaken where another turn was faster, or it has ended."""

    def abandon(self, session_id: str, reason: Reason) -> Abandoned | None:
        """End a live session. None where it is not live: it was ended, and counted, before."""

    def expire(self) -> list[Abandoned]:
        """End every session and visit without a sign of life for the time-out. Each is told to one caller."""

    def live_evidence(self) -> Iterator[tuple[tuple[str, str], float]]:
        """((category, session id), pieces of evidence) for every live session that has some."""

    def probe(self, seconds: float) -> None:
        """Write something that changes nothing, waiting `seconds` for it. Raises StoreError."""

    def warnings(self) -> list[str]:
        """What works now and may lose sessions later, each in one line."""

    def close(self) -> None:
        """Let go of what is open."""
