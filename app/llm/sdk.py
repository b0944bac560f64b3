"""The shared part of all clients: one timed attempt that fails only with an LLMError."""

from __future__ import annotations

import logging
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import anyio.to_thread

from app.llm import proxies
from app.llm.base import Chunk, Completion, ErrorKind, LLMError, Prompt, Usage
from app.llm.settings import ProviderSettings

logger = logging.getLogger(__name__)

_IDENTIFIER = re.compile(r"[A-Za-z_]{1,60}")


class _UnmadeError(Exception):
    """The SDK, or its client, could not be made: no request was sent."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason


class SdkClient(ABC):
    """One provider by its official SDK. The first attempt imports it, or `warm`."""

    sdk_logger: str

    def __init__(self, settings: ProviderSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._sdk: Any = None
        self._lock = threading.Lock()

    async def warm(self) -> None:
        """Load the SDK now. What goes wrong is logged, and tried again by the next attempt."""
        try:
            await self._ready()
        except _UnmadeError as unmade:
            # A proxy's fault concerns every client: the chain has logged it.
            if self._settings.direct or not proxies.fault():
                reason = type(unmade.reason).__name__
                logger.warning("llm provider=%s cannot load its SDK: %s", self.name, reason)

    async def _ready(self) -> None:
        # In a thread: importing an SDK takes up to seconds, and would stop the event loop.
        if self._sdk is None:
            await anyio.to_thread.run_sync(self._connect_once)

    async def complete(self, prompt: Prompt) -> Completion:
        """The complete answer. LLMError if it does not come, or is empty."""
        try:
            await self._ready()
            with anyio.fail_after(self._settings.timeout):
                return await self._complete(prompt)
        except Exception as exception:
            error = self._error(exception)
        # Raised out here, so that no context leads to the SDK's exception, which holds prompt and key.
        raise error

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces. The timeout is for all of it; close to abort."""
        try:
            await self._ready()
            ends = anyio.current_time() + self._settings.timeout
            async with aclosing(self._checked(prompt)) as chunks:
                while True:
                    with anyio.fail_after(ends - anyio.current_time()):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    yield chunk
        except Exception as exception:
            error = self._error(exception)
        raise error

    async def _checked(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        # The text shows whether a stream ended well: not every server marks the end.
        is_empty = True
        async with aclosing(self._stream(prompt)) as chunks:
            async for chunk in chunks:
                is_empty = is_empty and not chunk.text
                yield chunk
        if is_empty:
            raise self._empty()

    async def aclose(self) -> None:
        """Close the connections. The client can be used again; it makes new ones."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await self._close(sdk)

    def _connect_once(self) -> None:
        with self._lock:
            if self._sdk is None:
                try:
                    self._sdk = self._connect()
                except Exception as exception:
                    raise _UnmadeError(exception) from None
                # At DEBUG the SDKs log whole requests: the prompt, with the shopper's and reviewers' words.
                talkative = logging.getLogger(self.sdk_logger)
                talkative.setLevel(max(talkative.level, logging.INFO))

    def _error(self, exception: Exception) -> LLMError:
        if isinstance(exception, LLMError):
            return exception
        if isinstance(exception, TimeoutError) or _named(exception, "TimeoutException"):
            return LLMError(self.name, "timeout", f"no complete answer within {self._settings.timeout:g} s")
        if isinstance(exception, _UnmadeError):
            return LLMError(self.name, "connection", self._cause(exception.reason))
        if _named(exception, "TransportError"):
            return LLMError(self.name, "connection", type(exception).__name__)
        kind, detail = self._kind(exception)
        return LLMError(self.name, kind, detail or type(exception).__name__)

    def _cause(self, reason: Exception) -> str:
        """Why the SDK's client cannot be made; an ImportError may come from a proxy's missing package."""
        if proxy := not self._settings.direct and proxies.fault():
            return proxy
        if isinstance(reason, ImportError) and reason.name:
            return f"its SDK cannot be imported, {reason.name} is missing"
        return f"its client cannot be made: {type(reason).__name__}"

    def _whole(self, text: str, usage: Usage, model: Any) -> Completion:
        """The answer that these make. LLMError if it is empty."""
        if not text:
            raise self._empty(usage)
        return Completion(text, usage, model if isinstance(model, str) else self._settings.model)

    def _empty(self, usage: Usage | None = None) -> LLMError:
        return LLMError(self.name, "invalid_response", "the answer is empty", usage)

    @abstractmethod
    def _connect(self) -> Any:
        """The SDK's async client, without its own retries: one call is one attempt."""

    @abstractmethod
    async def _complete(self, prompt: Prompt) -> Completion: ...

    @abstractmethod
    def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]: ...

    @abstractmethod
    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        """Kind and a detail without text of ours for an exception of the SDK, or of reading its answer."""

    @abstractmethod
    async def _close(self, sdk: Any) -> None: ...


def kind_of_status(status: int) -> ErrorKind:
    """The kind of an HTTP status other than success. A refused request has no usable answer."""
    if status in (401, 403):
        return "auth"
    if status == 429:
        return "rate_limit"
    if status in (408, 504):
        return "timeout"
    return "server" if status >= 500 else "invalid_response"


def detail_of(status: int, code: object) -> str:
    """What an error may say of a provider's error body: the status and an identifier, never free text."""
    known = isinstance(code, str) and _IDENTIFIER.fullmatch(code)
    return f"HTTP {status} {code}" if known else f"HTTP {status}"


def _named(exception: BaseException, name: str) -> bool:
    # By name: some SDKs let httpx's exceptions through, others those of its fork httpx2, by their version.
    return any(cls.__name__ == name and cls.__module__[:5] == "httpx" for cls in type(exception).__mro__)
