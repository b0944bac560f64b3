"""The client of Anthropic's Claude."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.llm.base import Chunk, Completion, ErrorKind, Prompt, Usage
from app.llm.reading import at, text_of, tokens
from app.llm.sdk import SdkClient
from app.llm.stainless import stainless_kind, stainless_options

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


class ClaudeClient(SdkClient):
    """Asks Claude by the Messages API."""

    sdk_logger = "anthropic"

    def _connect(self) -> AsyncAnthropic:
        import anthropic

        return anthropic.AsyncAnthropic(**stainless_options(anthropic, self._settings))

    def _asked(self, prompt: Prompt) -> dict[str, Any]:
        return {
            "model": self._settings.model,
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.user}],
            "max_tokens": prompt.max_tokens,
        }

    async def _complete(self, prompt: Prompt) -> Completion:
        answer = await self._sdk.messages.create(**self._asked(prompt))
        return self._whole(text_of(at(answer, "content")), _usage(at(answer, "usage")), at(answer, "model"))

    async def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        usage = Usage()
        async with await self._sdk.messages.create(**self._asked(prompt), stream=True) as events:
            async for event in events:
                chunk = _chunk(event)
                usage = usage.risen_to(chunk.usage or Usage())
                yield replace(chunk, usage=usage)

    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        import anthropic

        return stainless_kind(anthropic, exception)

    async def _close(self, sdk: AsyncAnthropic) -> None:
        await sdk.close()


def _chunk(event: Any) -> Chunk:
    """What one event brings by itself."""
    kind = at(event, "type")
    if kind == "message_start":
        # Its output_tokens is a placeholder: no text has come yet, none is counted until it ends.
        return Chunk(usage=Usage(_usage(at(event, "message", "usage")).prompt_tokens))
    if kind == "content_block_start":
        return Chunk(text_of([at(event, "content_block")]))
    if kind == "content_block_delta" and at(event, "delta", "type") == "text_delta":
        return Chunk(text_of(at(event, "delta", "text")))
    if kind == "message_delta":
        return Chunk(usage=_usage(at(event, "usage")))
    return Chunk(last=kind == "message_stop")


def _usage(figures: Any) -> Usage:
    # Anthropic counts what it read from and wrote to its cache apart from the rest; other providers do not.
    prompt = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return Usage(
        tokens(*(at(figures, name) for name in prompt)),
        tokens(at(figures, "output_tokens")),
    )
