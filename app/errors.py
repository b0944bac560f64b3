"""What a caller of the API can get wrong, whatever the protocol."""

from __future__ import annotations


class NotFound(LookupError):  # noqa: N818 - an answer, not a failure of ours
    """What was asked for does not exist."""


class Full(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """There is no room for it now."""

    retry_seconds = 5


class TooMany(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """One client asked for more than its share; it may ask again after `retry_seconds`."""

    def __init__(self, words: str, retry_seconds: int) -> None:
        super().__init__(words)
        self.retry_seconds = retry_seconds


class Conflict(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """It exists, but not in a state that allows what was asked."""
