"""The stack's variables at its start: all that it reads, a secret as a fingerprint."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping

from app.llm.settings import KEYS
from scripts.stack.manifest import DOWNLOAD_BASE
from scripts.stack.modes import MODE
from telemetry.secrets import shown

API_KEYS = tuple(KEYS.values())
RUN_DIR = ("REVIEWLENS_RUN_DIR", ".run")
_OURS = ("REVIEWLENS_", "OTEL_", "TELEMETRY_")
# Variables that the running stack does not read: sources of programs, and the folder where it was found.
_NO_MATTER = {DOWNLOAD_BASE, RUN_DIR[0]}
_SECRET_NAME = re.compile(r"KEY|TOKEN(?!_FILE)|SECRET|PASSWORD|HEADERS|RESOURCE_ATTRIBUTES")
FINGERPRINT = "sha256:"


def record(environ: Mapping[str, str]) -> dict[str, str]:
    """Variable -> value, or a fingerprint where it is secret. Empty is as unset, as is the default mode."""
    read = {key for key in environ if key.startswith(_OURS) or key in API_KEYS} - _NO_MATTER
    return {
        key: _shown(key, environ[key]) for key in sorted(read) if environ[key] and (key, environ[key]) != MODE
    }


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """`NAME: old -> new` for each variable that differs between two records; of a secret the name alone."""
    return [
        _change(name, before.get(name, "(unset)"), after.get(name, "(unset)"))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _shown(name: str, value: str) -> str:
    if _SECRET_NAME.search(name) or shown(value) != value:
        return FINGERPRINT + hashlib.sha256(os.fsencode(value)).hexdigest()[:12]
    return value


def _change(name: str, old: str, new: str) -> str:
    secret = FINGERPRINT in {old[: len(FINGERPRINT)], new[: len(FINGERPRINT)]}
    return name if secret else f"{name}: {old} -> {new}"
