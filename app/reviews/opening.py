"""The text of a file: a regular one, of a bounded size, in UTF-8."""

from __future__ import annotations

import os
import stat
from functools import cache
from itertools import islice
from pathlib import Path

from app.reviews.rows import SUFFIXES, BadFileError

SAMPLES = Path(__file__).parent / "samples"
MAX_BYTES = 1 << 30
PIECE = 1 << 20
UTF_8 = "save the file as UTF-8, with or without a byte order mark"
NO_FILE = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def content(path: Path) -> bytes:
    """All that is in a file. Raises OSError, and BadFileError where reading might wait or never end."""
    _expect_file(path.stat())  # before it is opened: opening alone makes some devices act
    with open(path, "rb", opener=_without_waiting) as file:
        _expect_file(os.fstat(file.fileno()))
        data = b"".join(islice(iter(lambda: file.read(PIECE), b""), MAX_BYTES // PIECE + 1))
    if len(data) > MAX_BYTES:
        raise _too_long(len(data))
    return data


@cache
def shipped() -> frozenset[bytes]:
    """The shipped files, byte for byte: what was changed by a byte is somebody's own."""
    return frozenset(path.read_bytes() for path in SAMPLES.iterdir() if path.suffix in SUFFIXES)


def decoded(data: bytes) -> str:
    """The text, without byte order marks and NULs. BadFileError names the line that is not UTF-8."""
    # The first character of every format is ASCII, which UTF-16 and UTF-32 write with a NUL.
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or 0 in data[:4]:
        raise BadFileError(f"UTF-16 or UTF-32, not UTF-8; {UTF_8}")
    try:
        return data.decode().replace("\ufeff", "").replace("\0", "")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFileError(f"{_named(data)}; {UTF_8}", line) from None


def _named(data: bytes) -> str:
    try:
        data.decode("cp949")
    except UnicodeDecodeError:
        return "not UTF-8"
    return "not UTF-8 but, as it seems, CP949 (EUC-KR)"


def _expect_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = NO_FILE.get(stat.S_IFMT(status.st_mode), "no file")
        raise BadFileError(f"{kind}; expected a regular file")
    if status.st_size > MAX_BYTES:
        raise _too_long(status.st_size)


def _too_long(size: int) -> BadFileError:
    return BadFileError(f"{size:,} bytes or more; expected {MAX_BYTES:,} at most: split the file")


def _without_waiting(path: str, flags: int) -> int:
    """A FIFO that took the file's place would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
