"""Errors as Prometheus's API says them: a page shows them like those of Prometheus itself."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class RefusedError(Exception):
    """A request that is not answered: status, kind and words, none of them an address or a secret."""

    def __init__(self, status: int, kind: str, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status, self.kind, self.words, self.headers = status, kind, words, headers

    def body(self) -> dict[str, str]:
        """What a page gets."""
        return {"status": "error", "errorType": self.kind, "error": self.words}

    def response(self) -> Response:
        """The same as an answer."""
        return answer(self.body(), self.status, self.headers)


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON that nothing keeps."""
    text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    return Response(text, status, {"cache-control": "no-store", **named}, "application/json")
