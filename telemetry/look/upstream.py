"""The way to Prometheus: its query API, read-only, bounded in time, size and number of questions at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from telemetry.look import bounds
from telemetry.look.bounds import Pairs
from telemetry.look.options import Options
from telemetry.look.refusals import RefusedError
from telemetry.loopback import is_loopback
from telemetry.secrets import without_secrets
from telemetry.settings import SettingsError

_OWN_WORDS = (200, 400, 404, 422, 500, 503)
"""Statuses with which Prometheus explains itself in JSON."""
_DENIED = (401, 403)

_log = logging.getLogger("telemetry")


class Answer(NamedTuple):
    """Prometheus's status and JSON as it came."""

    status: int
    body: bytes


class Upstream:
    """One Prometheus. Raises SettingsError where options or the environment's proxy cannot be used."""

    def __init__(self, options: Options) -> None:
        self._token = options.token()
        self._asking = 0
        tls = options.tls()
        direct = is_loopback(urlsplit(options.prometheus).hostname or "")
        try:
            self._http = httpx.AsyncClient(
                base_url=options.prometheus.rstrip("/") + "/api/v1/",
                verify=tls,
                trust_env=not direct,
                timeout=bounds.SECONDS,
                follow_redirects=False,
                # On this machine packing costs more than it saves.
                headers={"accept": "application/json", "accept-encoding": "identity" if direct else "gzip"},
                limits=httpx.Limits(max_connections=bounds.CONCURRENCY),
            )
        except (ValueError, ImportError, httpx.InvalidURL):  # its words may hold the proxy's password
            raise SettingsError(
                f"--prometheus={without_secrets(options.prometheus)!r}: the environment's proxy for it "
                "cannot be used; expected http://, https:// or socks5:// in HTTP_PROXY, HTTPS_PROXY and "
                "ALL_PROXY"
            ) from None

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def ask(self, path: str, given: Pairs) -> Answer:
        """The answer to a question within the bounds; RefusedError for any other, and where there is none."""
        if bounds.parameters(path) is None:
            raise RefusedError(404, "not_found", "no such path; expected one of Prometheus's query API")
        asked = bounds.bounded(path, given)
        with self._counted():
            try:
                return await asyncio.wait_for(self._ask(path, asked), bounds.SECONDS)
            except (asyncio.TimeoutError, httpx.TimeoutException):
                raise RefusedError(504, "timeout", f"no answer within {bounds.SECONDS} s") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                _log.debug("no answer from Prometheus", exc_info=True)
                raise _unreachable(f"it does not answer ({type(error).__name__})") from None

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """One more that is asked or waits for a connection, of which there are as many as may ask at once."""
        if self._asking >= bounds.CONCURRENCY + bounds.WAITING:
            raise RefusedError(503, "busy", "too many questions at once; ask again", retry_after="1")
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    async def _ask(self, path: str, asked: Pairs) -> Answer:
        request = self._request(path, asked)
        response = await self._http.send(request, stream=True)
        try:
            _check(response)
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > bounds.ANSWER_BYTES:
                    raise RefusedError(
                        422,
                        "limit",
                        f"the answer has more than {bounds.ANSWER_BYTES} bytes; ask for fewer series or a "
                        "shorter range",
                    )
        finally:
            await response.aclose()
        if not body.lstrip().startswith(b"{"):
            raise _unreachable("it answers with something that is no JSON object")
        return Answer(response.status_code, bytes(body))

    def _request(self, path: str, asked: Pairs) -> httpx.Request:
        headers = {"authorization": self._authorization()} if self._token else {}
        data: dict[str, list[str]] = {}
        for name, value in asked:
            data.setdefault(name, []).append(value)
        if path in bounds.FORMS:
            return self._http.build_request("POST", path, data=data, headers=headers)
        return self._http.build_request("GET", path, params=data, headers=headers)

    def _authorization(self) -> str:
        assert self._token  # noqa: S101
        try:
            return self._token.header
        except SettingsError as error:
            _log.warning("%s", error)
            raise _unreachable("the token for it cannot be read; the log says why") from None


def _check(response: httpx.Response) -> None:
    """RefusedError for an answer that is not Prometheus's own. Where it leads to is not told."""
    status, kind = response.status_code, response.headers.get("content-type", "").partition(";")[0].strip()
    if response.has_redirect_location:
        raise _unreachable(f"it answers with a redirect ({status}); expected the address that it leads to")
    if status in _DENIED:
        raise _unreachable(f"it refuses the token, or asks for one ({status})")
    if status not in _OWN_WORDS or kind != "application/json":
        raise _unreachable(f"it answers {status} with {kind[:40] or 'no type'}; expected application/json")


def _unreachable(why: str) -> RefusedError:
    return RefusedError(502, "unreachable", f"Prometheus: {why}")
