"""The protocol of every LLM client: a complete answer, or a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

ErrorKind = Literal["timeout", "rate_limit", "auth", "server", "invalid_response", "connection"]


@dataclass(frozen=True)
class Prompt:
    """A question to a model. `json`: the answer must be one JSON object, if the provider can promise that."""

    system: str
    user: str
    max_tokens: int = 2048
    json: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider reports them; None: no usable figure. Cached tokens are prompt tokens, reasoning
    is completion tokens.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def risen_to(self, later: Usage) -> Usage:
        """With a later account of the same answer. Figures of one answer only rise: some events leave them
        out, or have 0 in their place."""
        return Usage(
            _higher(self.prompt_tokens, later.prompt_tokens),
            _higher(self.completion_tokens, later.completion_tokens),
        )


def _higher(*figures: int | None) -> int | None:
    return max((figure for figure in figures if figure is not None), default=None)


@dataclass(frozen=True)
class Completion:
    """A complete answer."""

    text: str
    usage: Usage
    model: str


@dataclass(frozen=True)
class Chunk:
    """One event of a stream: text, the usage so far if the provider reported it, or neither.

    `last`: the reported usage covers the complete answer.
    """

    text: str = ""
    usage: Usage | None = None
    last: bool = False


class LLMError(Exception):
    """An attempt that failed, by kind. Never holds the prompt or the answer.

    `usage`: the tokens that the provider reported before the answer turned out to be useless.
    """

    def __init__(self, provider: str, kind: ErrorKind, detail: str = "", usage: Usage | None = None) -> None:
        super().__init__(f"{provider}: {kind}{': ' + detail if detail else ''}")
        self.provider = provider
        self.kind = kind
        self.usage = usage


class Client(Protocol):
    """One provider. `complete` and `stream` make exactly one attempt and raise only LLMError."""

    name: str

    async def warm(self) -> None:
        """Load the SDK off the event loop, so that the first attempt need not. Never raises."""

    async def complete(self, prompt: Prompt) -> Completion: ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]: ...

    async def aclose(self) -> None: ...
