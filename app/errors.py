"""What a caller of the API can get wrong, whatever the protocol."""

from __future__ import annotations


class NotFound(LookupError):  # noqa: N818 - an answer, not a failure of ours
    """What was asked for does not exist."""


class Conflict(RuntimeError):  # noqa: N818 - an answer, not a failure of ours
    """It exists, but not in a state that allows what was asked."""
