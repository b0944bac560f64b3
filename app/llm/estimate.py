"""Tokens that a provider has not told: from the length of the text, at the rate of its last whole answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.llm.reading import MOST_TOKENS


@dataclass
class Rate:
    """Tokens per character. At first one for two, which is about right for Korean and JSON."""

    tokens: int = 1
    chars: int = 2

    def learn(self, tokens: int | None, chars: int) -> None:
        """Take over what a whole text had; one without figures teaches nothing."""
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
