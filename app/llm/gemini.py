"""The client of Google's Gemini."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from app.llm.base import Chunk, Completion, ErrorKind, Prompt, Usage
from app.llm.reading import at, tokens
from app.llm.sdk import SdkClient, detail_of, kind_of_status
from app.llm.settings import ProviderSettings
from app.llm.transport import client_options

if TYPE_CHECKING:
    import httpx
    from google.genai import Client
    from google.genai.types import GenerateContentConfig


# The HTTP responses of the stream that is being opened.
_responses: ContextVar[list[httpx.Response] | None] = ContextVar("_responses", default=None)


class GeminiClient(SdkClient):
    """Asks Gemini by generateContent and streamGenerateContent."""

    sdk_logger = "google_genai"

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self._http: httpx.AsyncClient | None = None

    def _connect(self) -> Client:
        import httpx
        from google.genai import Client
        from google.genai.types import HttpOptions, HttpRetryOptions

        # An HTTP client of our own: if aiohttp is installed, the SDK would use it instead, and repeat a
        # request whose connection broke. attempts=1 is no retry; 0 means 5 in some versions.
        self._http = httpx.AsyncClient(
            timeout=self._settings.timeout,
            **client_options(self._settings, _note),
        )
        options = HttpOptions(
            base_url=self._settings.base_url,
            timeout=math.ceil(self._settings.timeout * 1000),
            retry_options=HttpRetryOptions(attempts=1),
            httpx_async_client=self._http,
        )
        return Client(vertexai=False, api_key=self._settings.api_key.get_secret_value(), http_options=options)

    def _config(self, prompt: Prompt) -> GenerateContentConfig:
        from google.genai.types import AutomaticFunctionCallingConfig, GenerateContentConfig

        return GenerateContentConfig(
            system_instruction=prompt.system,
            max_output_tokens=prompt.max_tokens,
            response_mime_type="application/json" if prompt.json else None,
            automatic_function_calling=AutomaticFunctionCallingConfig(disable=True),
        )

    async def _complete(self, prompt: Prompt) -> Completion:
        answer = await self._sdk.aio.models.generate_content(
            model=self._settings.model, contents=prompt.user, config=self._config(prompt)
        )
        return self._whole(_text(answer), self._usage(answer.usage_metadata), answer.model_version)

    async def _stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        responses: list[httpx.Response] = []
        _responses.set(responses)
        try:
            events = await self._sdk.aio.models.generate_content_stream(
                model=self._settings.model, contents=prompt.user, config=self._config(prompt)
            )
            async for event in events:
                last = any(candidate.finish_reason for candidate in event.candidates or ())
                yield Chunk(_text(event), self._usage(event.usage_metadata), last)
        finally:
            # Closing the SDK's generator leaves the connection open until the garbage is collected.
            for response in responses:
                await response.aclose()

    @staticmethod
    def _usage(figures: Any) -> Usage:
        return Usage(
            tokens(at(figures, "prompt_token_count")),
            tokens(at(figures, "candidates_token_count"), at(figures, "thoughts_token_count")),
        )

    def _kind(self, exception: Exception) -> tuple[ErrorKind, str]:
        from google.genai.errors import APIError

        if not isinstance(exception, APIError):
            return "invalid_response", ""
        # A key that is not valid is answered with 400 and this reason, not with 401.
        if "API_KEY_INVALID" in str(exception.details):
            return "auth", detail_of(exception.code, "API_KEY_INVALID")
        return kind_of_status(exception.code), detail_of(exception.code, exception.status)

    async def _close(self, sdk: Client) -> None:
        sdk.close()
        if self._http is not None:
            await self._http.aclose()


async def _note(response: httpx.Response) -> None:
    """Write a response down for the stream that it is for."""
    if (responses := _responses.get()) is not None:
        responses.append(response)


def _text(answer: Any) -> str:
    candidates = answer.candidates or ()
    parts = [part for one in candidates if one.content for part in one.content.parts or ()]
    return "".join(part.text for part in parts if part.text and not part.thought)
