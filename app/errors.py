"""A caller's errors, in any protocol."""

from __future__ import annotations


class NotFound(LookupError):  # noqa: N818 - an answer, not a failure of ours
    """The requested thing does not exist."""


class Full(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """The service is full now."""

    retry_seconds = 5


class TooMany(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """A client exceeded its share; it may ask again after `retry_seconds`."""

    def __init__(self, words: str, retry_seconds: int) -> None:
        super().__init__(words)
        self.retry_seconds = retry_seconds


class Conflict(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """The thing exists, but its state does not allow this."""
