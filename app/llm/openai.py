"""The client of OpenAI, and of servers that speak its Chat Completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from app.llm.base import Chunk, Completion, ErrorKind, Prompt, Usage
from app.llm.reading import at, items, text_of, tokens
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
        text = text_of(at(answer, "choices", 0, "message", "content"))
        return self._whole(text, _usage(answer), at(answer, "model"))

    async def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        events = await self._sdk.chat.completions.create(
            **self._asked(prompt), stream=True, stream_options={"include_usage": True}
        )
        async with events:
            async for event in events:
                choices = items(at(event, "choices"))
                text = "".join(text_of(at(choice, "delta", "content")) for choice in choices)
                # Some servers tell the usage so far with every piece, others in a last event of its own.
                ends = not choices or any(at(choice, "finish_reason") for choice in choices)
                yield Chunk(text, usage := _usage(event), last=ends and usage != Usage())

    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        import openai

        return stainless_kind(openai, exception)

    async def _close(self, sdk: AsyncOpenAI) -> None:
        await sdk.close()


def _usage(answer: Any) -> Usage:
    figures = at(answer, "usage")
    return Usage(tokens(at(figures, "prompt_tokens")), tokens(at(figures, "completion_tokens")))
