"""The text of a file, piece by piece: a regular one, of a bounded size, in UTF-8."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from io import StringIO
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
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source:
    """A file's text, read once and never held at once.

    `size` and `digest` cover the bytes read so far. `most`: bytes after which reading ends, even if the file
    has grown. Reading raises OSError; BadFileError if the file might block or never end, or is no text.
    """

    def __init__(self, path: Path, most: int = MAX_BYTES + 1) -> None:
        self._path, self._most = path, most
        self._hash = sha256()
        self.size = 0

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    def text(self) -> Iterator[str]:
        """Without byte order marks and NULs. BadFileError names the line that is not UTF-8."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        line, blank = 1, True
        try:
            for piece in self._pieces():
                # The first character of every format is ASCII, which UTF-16 and UTF-32 write with a NUL.
                if self.size == len(piece) and (piece[:2] in _UTF_16 or 0 in piece[:4]):
                    raise BadFileError(f"UTF-16 or UTF-32, not UTF-8; {UTF_8}")
                text = decoder.decode(piece).replace("\ufeff", "").replace("\0", "")
                blank = blank and not text.strip()
                yield text
                line += piece.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            raise BadFileError(f"{self._encoding()}; {UTF_8}", line) from None
        if blank:
            raise BadFileError("the file is empty")

    def _pieces(self) -> Iterator[bytes]:
        _expect_file(self._path.stat())  # before it is opened: opening alone makes some devices act
        with open(self._path, "rb", opener=_without_waiting) as file:
            _expect_file(os.fstat(file.fileno()))
            while piece := file.read(min(PIECE, self._most - self.size)):
                self.size += len(piece)
                if self.size > MAX_BYTES:
                    raise _too_long(self.size)
                self._hash.update(piece)
                yield piece

    def _encoding(self) -> str:
        decode = codecs.getincrementaldecoder("cp949")().decode
        with suppress(UnicodeDecodeError):
            for piece in Source(self._path)._pieces():
                decode(piece)
            decode(b"", final=True)
            return "not UTF-8 but, as it seems, CP949 (EUC-KR)"
        return "not UTF-8"


def each_line(pieces: Iterable[str], newline: str) -> Iterator[str]:
    """The lines of a text with their ends, split as `io.StringIO(newline=newline)` does."""
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if "\n" in piece or "\r" in piece:  # else a line without end would be copied once a piece
            whole = StringIO("".join(held), newline=newline).readlines()
            held = [whole.pop()]  # it may go on, and a \r be half of an end
            yield from whole
    yield from StringIO("".join(held), newline=newline)


@cache
def shipped() -> frozenset[bytes]:
    """The digests of the shipped files: what was changed by a byte is somebody's own."""
    files = (path for path in SAMPLES.iterdir() if path.suffix in SUFFIXES)
    return frozenset(sha256(path.read_bytes()).digest() for path in files)


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
