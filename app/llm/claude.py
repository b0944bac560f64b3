"""The client of Anthropic's Claude."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from app.llm.base import Chunk, Completion, ErrorKind, Prompt, Usage
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
        usage = Usage(_prompt_tokens(answer.usage), int(answer.usage.output_tokens))
        text = "".join(block.text for block in answer.content if block.type == "text")
        if not text:
            raise self._empty(usage)
        return Completion(text, usage, answer.model)

    async def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        usage = Usage(0, 0)
        async with await self._sdk.messages.create(**self._asked(prompt), stream=True) as events:
            async for event in events:
                if event.type == "message_start":
                    # Its output_tokens is a placeholder: no text has come yet, none is counted until it ends.
                    usage = Usage(_prompt_tokens(event.message.usage), 0)
                    yield Chunk(usage=usage)
                elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield Chunk(event.delta.text)
                elif event.type == "message_delta":
                    usage = Usage(usage.prompt_tokens, int(event.usage.output_tokens))
                    yield Chunk(usage=usage)
                elif event.type == "message_stop":
                    yield Chunk(usage=usage, last=True)

    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        import anthropic

        return stainless_kind(anthropic, exception)

    async def _close(self, sdk: AsyncAnthropic) -> None:
        await sdk.close()


def _prompt_tokens(usage: Any) -> int:
    # Anthropic counts what it read from and wrote to its cache apart from the rest; other providers do not.
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return int(usage.input_tokens) + cached
