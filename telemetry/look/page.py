"""The page's files: read once, each with its ETag, looked up by name and never by path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
BASE = re.compile(r'<base href="/"\s*/?>')
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    content: bytes
    kind: str

    @property
    def tag(self) -> str:
        """The same for the same content."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    def response(self, request: Request) -> Response:
        """The file, or 304 where the browser has it already."""
        known = [
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        ]
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        if self.tag in known:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers={**headers, "content-type": self.kind})


def files(folder: Path = STATIC) -> Mapping[str, File]:
    """Name below the folder -> file, of every kind that a page uses."""
    return {
        path.relative_to(folder).as_posix(): File(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }


def index(found: Mapping[str, File], prefix: str) -> File:
    """The page itself, whose addresses begin with the prefix."""
    base = f'<base href="{escape(prefix)}/">'
    return File(BASE.sub(base, found[INDEX].content.decode(), count=1).encode(), found[INDEX].kind)
