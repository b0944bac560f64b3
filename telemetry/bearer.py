"""The token without which nobody reads the metrics: in a file, so that it can be rotated while we serve."""

from __future__ import annotations

import hmac
import os
import re
import stat
from pathlib import Path

from telemetry.guard import guard
from telemetry.settings import TOKEN_FILE, SettingsError

LONGEST = 4096
STAYS = "%s; the last token stays in force"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_Seen = tuple[int, int, int, int]


class TokenFile:
    """A file with one token. Raises SettingsError where it cannot be used at the start."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._token, self._seen = _read(self._path)

    def admits(self, authorization: str) -> bool:
        """Whether this header has the token that the file has now.

        A file that cannot be used any more leaves the last token in force, and a log line says so: else one
        that is being written locks scrapers out.
        """
        self._look()
        scheme, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token)
        return same and scheme.lower() == "bearer"

    @property
    def header(self) -> str:
        """What a scraper sends."""
        return f"Bearer {self._token.decode('ascii')}"

    def _look(self) -> None:
        try:
            if _seen(os.stat(self._path)) != self._seen:  # noqa: PTH116 - each scrape asks this
                self._token, self._seen = _read(self._path)
        except OSError as error:
            guard.say(STAYS, _unusable(self._path, error.strerror or str(error)))
        except SettingsError as error:
            guard.say(STAYS, error)


def _read(path: Path) -> tuple[bytes, _Seen]:
    try:
        with open(path, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(path, "no file")
            token = file.read(LONGEST + 1).strip()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    if status.st_mode & stat.S_IRWXO:
        raise _unusable(path, f"others may use it (mode {stat.S_IMODE(status.st_mode):04o}): chmod o-rwx")
    if not token:
        raise _unusable(path, "it is empty")
    if len(token) > LONGEST or not _TOKEN.fullmatch(token.decode("latin-1")):
        raise _unusable(path, "it has more than one token, or one that no header can carry")
    return token, _seen(status)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO would keep the start waiting


def _seen(status: os.stat_result) -> _Seen:
    """What tells a file from the one before, also where only its mode has changed."""
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"{TOKEN_FILE}={str(path)!r}: {why}; expected a file with one token, that its owner and group alone "
        "can read"
    )
