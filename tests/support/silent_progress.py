"""Listens to how a demo goes, and shows nothing."""

from __future__ import annotations


class SilentProgress:
    """The listener that app/demo/run.py asks for."""

    def begins(self, what: str, steps: int) -> None: ...

    def advances(self) -> None: ...

    def waits(self, awaited: str) -> None: ...
