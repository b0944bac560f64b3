"""A dialogue as a value: its questions, answers and stage."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["live", "complete", "abandoned"]
Reason = Literal["timeout", "browser_close"]

START, ACTIVE, COMPLETE = "dialogue_start", "dialogue_active", "dialogue_complete"


DIGEST_CHARS = 16
_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


def digest(session_id: str) -> str:
    """The name of a session in metrics, logs and errors. Its id is a secret: alone it opens the dialogue."""
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:DIGEST_CHARS]


def without_ids(text: str) -> str:
    """A text with the digest in the place of each session's id, wherever it stands in it."""
    return _ID.sub(lambda found: digest(found[0].lower()), text)


@dataclass(frozen=True)
class GivenAnswer:
    """One answer, and the question it went to."""

    question_id: str
    text: str


@dataclass(frozen=True)
class Session:
    """One shopper's dialogue. `evidence` is None until the first answer; `analysis` until the verdict."""

    session_id: str = field(repr=False)
    product_id: str
    category: str
    question_id: str | None
    stage: str = START
    status: Status = "live"
    said: tuple[GivenAnswer, ...] = ()
    top: tuple[str, ...] = ()
    evidence: int | None = None
    analysis: dict[str, Any] | None = None
    version: int = field(default=0, compare=False)

    @property
    def turn(self) -> int:
        """How many answers were given."""
        return len(self.said)

    @property
    def owed(self) -> bool:
        """Whether the last answer was taken and its verdict has not arrived."""
        return self.status == "live" and self.question_id is None


def as_document(session: Session) -> dict[str, Any]:
    """A session as JSON takes it."""
    return asdict(session)


def from_document(document: dict[str, Any]) -> Session:
    """The session that such a document was made from."""
    said = tuple(GivenAnswer(**each) for each in document["said"])
    return Session(**{**document, "said": said, "top": tuple(document["top"])})


@dataclass(frozen=True)
class Abandoned:
    """A session or visit that nobody will go on with, by the stage it was in."""

    stage: str
    reason: Reason
    session_id: str = field(default="", repr=False)
