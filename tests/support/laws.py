"""How many examples a law is tried with; `--hypothesis-profile fast` takes a quarter of them."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

ALL = 100
"""What Hypothesis tries where nothing is said."""


def register_profiles() -> None:
    """Before pytest reads its command line's."""
    settings.register_profile("fast", max_examples=ALL // 4, deadline=None)


def examples(most: int, **more: Any) -> settings:
    """So many where all are tried, and no limit on the time of one."""
    return settings(max_examples=most * settings().max_examples // ALL, deadline=None, **more)
