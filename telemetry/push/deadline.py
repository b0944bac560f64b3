"""Sessions of requests in which a time-out is for a whole answer, where it alone is for each byte of it."""

from __future__ import annotations

import io
import time
from functools import cache
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _UntilTheEnd(io.RawIOBase):
    """What comes from a socket until its time-out has passed, which is for all reads together."""

    def __init__(self, sock: Any) -> None:
        self._sock, self._patience = sock, sock.gettimeout()
        self._ends = time.monotonic() + (self._patience or 0)
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        if self._patience is None:
            return self._raw.readinto(buffer)
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer does not end in time")
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._patience)  # the next request may go over the same connection

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: Any, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilTheEnd(sock))


@cache
def _pool(kind: Any) -> Any:
    """The same kind of pool, with such responses."""
    connection = type("InTime", (kind.ConnectionCls,), {"response_class": _Response})
    return type("InTime", (kind,), {"ConnectionCls": connection})


def _with_pools(manager: Any) -> Any:
    manager.pool_classes_by_scheme = {
        scheme: _pool(kind) for scheme, kind in manager.pool_classes_by_scheme.items()
    }
    return manager


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        _with_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **named)
        return _with_pools(manager) if is_new else manager


class InTimeSession(requests.Session):
    """A session whose answers are not packed, and end in time or are cut."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["Accept-Encoding"] = "identity"
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
