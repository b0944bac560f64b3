"""Estimate unreported tokens from the text's length, at the rate of the last complete answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.llm.reading import MOST_TOKENS


@dataclass
class Rate:
    """Tokens per character. It starts at one for two, about right for Korean and JSON."""

    tokens: int = 1
    chars: int = 2

    def learn(self, tokens: int | None, chars: int) -> None:
        """Take over a complete text's rate; a text without figures teaches nothing."""
        if tokens and chars > 0:
            self.tokens, self.chars = tokens, chars

    def of(self, chars: int) -> int:
        """The tokens of so many characters, to the nearest, and no more than can be."""
        return min(MOST_TOKENS, (2 * self.tokens * chars + self.chars) // (2 * self.chars))


@dataclass(frozen=True)
class Rates:
    """One provider's rates: prompts and answers differ in language and form."""

    prompt: Rate = field(default_factory=Rate)
    completion: Rate = field(default_factory=Rate)
