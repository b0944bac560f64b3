"""The token without which nobody reads the metrics: in a file, so that it can be rotated while we serve."""

from __future__ import annotations

import hmac
import os
import re
import stat
from pathlib import Path

from telemetry import posix
from telemetry.settings import TOKEN_FILE, SettingsError

LONGEST = 4096
_TOKEN = re.compile(r"[\x21-\x7e]+")


class TokenFile:
    """A file with one token, which is read each time: all workers go by what it has now, and by nothing that
    one of them remembers. Each method raises SettingsError, with the `key` that names the file, where it
    cannot be used."""

    def __init__(self, path: str, key: str = TOKEN_FILE) -> None:
        self._path = Path(path)
        self._key = key

    def admits(self, authorization: str) -> bool:
        """Whether this header has the token."""
        scheme, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self.read())
        return same and scheme.lower() == "bearer"

    @property
    def header(self) -> str:
        """What a scraper sends."""
        return f"Bearer {self.read().decode('ascii')}"

    def read(self) -> bytes:
        """The token."""
        try:
            with open(self._path, "rb", opener=_open) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise self._unusable("no file")
                token = file.read(LONGEST + 1).strip()
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        if status.st_mode & stat.S_IRWXO:
            mode = stat.S_IMODE(status.st_mode)
            raise self._unusable(f"others may use it (mode {mode:04o}): chmod o-rwx")
        if not token:
            raise self._unusable("it is empty")
        if len(token) > LONGEST or not _TOKEN.fullmatch(token.decode("latin-1")):
            raise self._unusable("it has more than one token, or one that no header can carry")
        return token

    def _unusable(self, why: str) -> SettingsError:
        return SettingsError(
            f"{self._key}={str(self._path)!r}: {why}; expected a file with one token, that its owner and "
            "group alone can read"
        )


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | posix.NO_WAIT)  # a FIFO would keep the start waiting
