"""A folder of runbooks: NAME.md, and its Korean as NAME.ko.md or ko/NAME.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telemetry.settings import SettingsError

LANGUAGES = ("en", "ko")
MOST_BYTES = 2**20


class Runbooks:
    """The runbooks that are there at the moment of a request. A name is looked up, and never made a path."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def check(self) -> None:
        """SettingsError where the folder is missing."""
        if self._folder is not None and not self._folder.is_dir():
            raise SettingsError(
                f"--runbooks={str(self._folder)!r}: there is no such folder; expected one with NAME.md files"
            )

    def listing(self) -> list[dict[str, Any]]:
        """Every name and its languages."""
        return [{"name": name, "languages": sorted(files)} for name, files in self._files().items()]

    def read(self, name: str, language: str) -> dict[str, str] | None:
        """A runbook in this language, else in the one that there is; None for an unknown name."""
        files = self._files().get(name)
        if not files:
            return None
        found = language if language in files else next(iter(files))
        with files[found].open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
        return {"name": name, "language": found, "markdown": text}

    def _files(self) -> dict[str, dict[str, Path]]:
        files: dict[str, dict[str, Path]] = {}
        if self._folder is None:
            return files
        for path in sorted((*self._folder.glob("*.md"), *self._folder.glob("ko/*.md"))):
            name, dot, language = path.stem.rpartition(".")
            if not dot or language not in LANGUAGES:
                name, language = path.stem, "ko" if path.parent != self._folder else "en"
            files.setdefault(name, {})[language] = path
        return dict(sorted(files.items()))
