"""Addresses out of what is handed to others: each becomes a word, the same one wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HOSTS = frozenset(
    {
        "instance",
        "exported_instance",
        "host",
        "hostname",
        "node",
        "nodename",
        "server",
        "server_address",
        "ip",
    }
)
"""Labels whose values name machines."""
_ADDRESS = re.compile(
    r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^\s\"'<>()\[\]{}|\\^`]+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"
    r"|\[[0-9a-fA-F]*(?::[0-9a-fA-F]*){2,7}\](?::\d{1,5})?"
    r"|\blocalhost:\d{1,5}\b"
)
_PLACE = re.compile(r"(?=[\w.-]*[A-Za-z.])[\w.-]+:\d{1,5}")


class Aliases:
    """The words so far."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def hide(self, value: Any, key: str = "", *, is_answer: bool = False) -> Any:
        """The same JSON without addresses. In an answer a text that is host:port is one, too, and a label
        that names a machine has one."""
        if isinstance(value, str):
            if is_answer and value and (key in HOSTS or _PLACE.fullmatch(value)):
                return self._word(value)
            return _ADDRESS.sub(lambda found: self._word(found[0]), value)
        if isinstance(value, Mapping):
            return {
                self.hide(name): self.hide(part, str(name), is_answer=is_answer)
                for name, part in value.items()
            }
        if isinstance(value, list):
            return [self.hide(part, key, is_answer=is_answer) for part in value]
        return value

    def _word(self, address: str) -> str:
        return self._words.setdefault(address, f"address-{len(self._words) + 1}")
