"""One line in the log for each spell of an event, however often it recurs."""

from __future__ import annotations

import logging
import time

# So long without it, and the spell is over.
QUIET_SECONDS = 60.0


class Spell:
    """Warns when a spell begins."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._until = 0.0

    def warning(self, text: str, *given: object) -> None:
        """Log it, unless it goes on."""
        now = time.monotonic()
        if now >= self._until:
            self._logger.warning(text, *given)
        self._until = now + QUIET_SECONDS
