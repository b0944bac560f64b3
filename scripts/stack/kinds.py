"""The kinds of settings in monitoring/flags.yaml: a check each, and the words of its error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from scripts.stack.quantities import SIZES, is_duration, is_size


class Kind(NamedTuple):
    """A check of a text, and the expectation."""

    fits: Callable[[str], bool]
    expected: str


def is_link(text: str) -> bool:
    """Whether something may be put at its end. $ is Grafana's, a password nothing for a link."""
    return re.fullmatch(r"https?://[^/@\s\"'$]+/[^@\s\"'$]*", text) is not None


KINDS: Mapping[str, Kind] = {
    "duration": Kind(is_duration, "a duration above 0 such as 15d, 12h or 1y"),
    "size": Kind(
        is_size,
        f"a whole number above 0 with one of {', '.join(SIZES)}, such as 10GB,",
    ),
    "link": Kind(
        is_link,
        "the beginning of an address such as http://localhost:16686/trace/, without @, $, quotes and blanks,",
    ),
}
