"""The client of OpenAI, and of servers that speak its Chat Completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from app.llm.base import Chunk, Completion, ErrorKind, LLMError, Prompt, Usage
from app.llm.sdk import SdkClient
from app.llm.stainless import stainless_kind, stainless_options

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class OpenAIClient(SdkClient):
    """Asks OpenAI by Chat Completions."""

    sdk_logger = "openai"

    def _connect(self) -> AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(**stainless_options(openai, self._settings))

    def _asked(self, prompt: Prompt) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "max_completion_tokens": prompt.max_tokens,
        }
        return asked | ({"response_format": {"type": "json_object"}} if prompt.json else {})

    async def _complete(self, prompt: Prompt) -> Completion:
        answer = await self._sdk.chat.completions.create(**self._asked(prompt))
        usage = self._usage(answer.usage)
        text = answer.choices[0].message.content
        if not text:
            raise self._empty(usage)
        return Completion(text, usage, answer.model)

    async def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        events = await self._sdk.chat.completions.create(
            **self._asked(prompt), stream=True, stream_options={"include_usage": True}
        )
        async with events:
            async for event in events:
                text = "".join(choice.delta.content or "" for choice in event.choices)
                yield Chunk(text, self._usage(event.usage) if event.usage else None, bool(event.usage))

    def _usage(self, figures: Any) -> Usage:
        if figures is None:
            raise LLMError(self.name, "invalid_response", "the answer has no usage")
        return Usage(int(figures.prompt_tokens), int(figures.completion_tokens))

    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        import openai

        return stainless_kind(openai, exception)

    async def _close(self, sdk: AsyncOpenAI) -> None:
        await sdk.close()
