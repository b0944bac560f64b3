"""What Gemini bills as an answer."""

from __future__ import annotations

from google.genai.types import GenerateContentResponseUsageMetadata
from pydantic import SecretStr

from app.llm.base import Usage
from app.llm.gemini import GeminiClient
from app.llm.settings import ProviderSettings


def test_thoughts_are_part_of_the_completion() -> None:
    """They are billed like it; llm_tokens_total has no third type."""
    figures = GenerateContentResponseUsageMetadata(
        prompt_token_count=11, candidates_token_count=5, thoughts_token_count=7
    )
    client = GeminiClient(ProviderSettings("gemini", "any", SecretStr("any")))
    assert client._usage(figures) == Usage(prompt_tokens=11, completion_tokens=12)
