"""Secrets that carry a mark, a server that refuses and repeats all it is sent, and a search for marks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from support.http_server import QuietHandler, http_server

MARK = "zq7marked3secret"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def address(port: int, scheme: str = "http") -> str:
    """An address with marks in all places where a secret may stand."""
    return f"{scheme}://user:pa%2F{MARK}@127.0.0.1:{port}/hooks/{MARK}0123/x?key={MARK}"


MALFORMED = (
    f"ftp://user:pa/{MARK}@host:x/p?key={MARK}#{MARK}",
    f"//user:{MARK}@{MARK}#x@host",
    f"https://host/{MARK}0123?{MARK}",
    f"user:{MARK}@host",
)


def marks_in(content: bytes) -> list[str]:
    """Where the mark stands, with what is around it: as it is, in percent signs, in base64 at any place."""
    forms = [content, unquote_to_bytes(content)]
    forms += [text for found in _BASE64.findall(content) for text in _decoded(found)]
    mark = re.compile(rb".{0,80}" + MARK.encode() + rb".{0,20}", re.IGNORECASE | re.DOTALL)
    return [found.decode(errors="replace") for form in forms for found in mark.findall(form)]


def _decoded(text: bytes) -> Iterator[bytes]:
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    for start in range(4):
        piece = plain[start:]
        yield base64.b64decode(piece + b"A" * (-len(piece) % 4))


def marked_files(folder: Path) -> dict[str, list[str]]:
    """Every file below a folder with a mark in its name or content."""
    found = {}
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if marks := marks_in(str(path.relative_to(folder)).encode() + b"\n" + content):
            found[str(path.relative_to(folder))] = marks
    return found


@contextmanager
def repeating() -> Iterator[int]:
    """The port of a server that refuses everything in the words that it was sent."""

    class RefusingHandler(QuietHandler):
        def _refuse(self) -> None:
            words = f"{self.command} {self.path} is refused:\n{self.headers}".encode()
            body = b'{"error": {"message": "%b"}}' % words.replace(b'"', b"'").replace(b"\n", b" ")
            self.body()
            with suppress(ConnectionError):  # who was refused need not listen
                self.answer(401, body, Content_Type="application/json")

        do_GET = do_POST = do_CONNECT = _refuse

    with http_server(RefusingHandler) as url:
        yield int(url.rpartition(":")[2])
