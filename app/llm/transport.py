"""The HTTP client of an SDK: no answer is read without a limit, no redirect followed."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from app.llm.settings import ProviderSettings

logger = logging.getLogger(__name__)

MOST_BYTES = 16 * 1024 * 1024
"""Of one answer, decompressed. A verdict has some kilobytes, its events some hundred for each token."""

Hook = Callable[[Any], Awaitable[None]]


def client_options(settings: ProviderSettings, *hooks: Hook) -> dict[str, Any]:
    """What an AsyncClient of httpx, or of its fork httpx2, is made with. `hooks` get each response."""
    return {
        "trust_env": not settings.direct,
        "follow_redirects": False,  # one would take the prompt, and the keys of some SDKs, to another host
        "event_hooks": {"response": [bounded, *hooks]},
    }


async def bounded(response: Any) -> None:
    """Let the body of a response end after MOST_BYTES, whether it is read at once or as a stream."""
    read = response.aiter_bytes

    async def aiter_bytes(chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        left = MOST_BYTES
        async with aclosing(read(chunk_size)) as pieces:
            async for piece in pieces:
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    logger.warning("llm answer of %s cut off at %d bytes", response.url.host, MOST_BYTES)
                    await response.aclose()
                    return

    response.aiter_bytes = aiter_bytes
