"""Verdicts by LLM: clients of three providers, a chain that falls back from one to the next, a simulator."""

from app.llm.base import Chunk, Client, Completion, LLMError, Prompt, Usage
from app.llm.chain import Chain, build_chain
from app.llm.settings import LLMSettings
from app.llm.verdict import Verdict, VerdictRequest

__all__ = [
    "Chain",
    "Chunk",
    "Client",
    "Completion",
    "LLMError",
    "LLMSettings",
    "Prompt",
    "Usage",
    "Verdict",
    "VerdictRequest",
    "build_chain",
]
