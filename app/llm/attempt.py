"""One attempt of a provider: its answer so far, and its counts at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from app.llm.base import Chunk, Completion, LLMError, Prompt, Usage
from app.llm.estimate import Rates
from telemetry.metrics import (
    errors_total,
    llm_calls_total,
    llm_duration_seconds,
    llm_first_byte_seconds,
    llm_streams_aborted_total,
    llm_tokens_estimated_total,
    llm_tokens_total,
)

logger = logging.getLogger(__name__)

Answered = Literal["success", "fallback"]


class Attempt:
    """Counts one attempt when its `with` block ends.

    The block keeps an LLMError to itself, and any other Exception too: of whatever kind it is, the answer
    cannot be read. `answered` is the status of success. A stream stopped because its shopper left counts as a
    success. A cancelled attempt for a complete answer is an error without a kind.
    """

    def __init__(
        self, provider: str, answered: Answered, prompt: Prompt, rates: Rates, clock: Callable[[], float]
    ) -> None:
        self.text = ""
        self.succeeded = False
        self._provider, self._answered, self._rates, self._clock = provider, answered, rates, clock
        self._prompt_chars = len(f"{prompt.system}\n{prompt.user}")
        self._streamed = self._whole = False
        self._reported = Usage()
        self._unreported_chars = 0
        self._first_byte: float | None = None

    def __enter__(self) -> Attempt:
        self._started = self._clock()
        return self

    def streaming(self) -> Attempt:
        """The answer is to come as a stream."""
        self._streamed = True
        return self

    def take(self, chunk: Chunk) -> None:
        """A piece of a stream has come."""
        if self._first_byte is None:
            self._first_byte = self._seconds()
        self.text += chunk.text
        usage = self._reported.risen_to(chunk.usage or Usage())
        # A figure that does not rise says nothing of the text: some events have none, or a placeholder.
        rises = (usage.completion_tokens or 0) > (self._reported.completion_tokens or 0)
        self._unreported_chars = 0 if rises else self._unreported_chars + len(chunk.text)
        self._reported = usage
        self._whole = self._whole or chunk.last

    def ended(self, completion: Completion | None = None) -> None:
        """The answer is complete: here, or by the pieces taken."""
        if completion:
            self.text, self._reported, self._whole = completion.text, completion.usage, True
            self._unreported_chars = len(self.text)
        self._rates.prompt.learn(self._reported.prompt_tokens, self._prompt_chars)
        self._rates.completion.learn(self._reported.completion_tokens, len(self.text))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        failed = self._failure(error) if isinstance(error, Exception) else None
        stopped = error is not None and failed is None
        if failed:
            self._reported = self._reported.risen_to(failed.usage or Usage())
        self.succeeded = error is None
        good = self.succeeded or (stopped and self._streamed)
        self._count(self._answered if good else "error", failed, stopped)
        return failed is not None

    def _failure(self, error: Exception) -> LLMError:
        if isinstance(error, LLMError):
            return error
        # By its type alone: its text may quote the answer.
        return LLMError(self._provider, "invalid_response", type(error).__name__)

    def _count(self, status: str, failed: LLMError | None, stopped: bool) -> None:
        provider, seconds = self._provider, self._seconds()
        llm_calls_total.labels(provider=provider, status=status).inc()
        llm_duration_seconds.labels(provider=provider).observe(seconds)
        if self._first_byte is not None:
            llm_first_byte_seconds.labels(provider=provider).observe(self._first_byte)
        if stopped and self._streamed:
            llm_streams_aborted_total.labels(provider=provider).inc()
        if failed:
            errors_total.labels(error_type=failed.kind, component="llm").inc()
        prompt, completion = self._count_tokens()
        logger.log(
            logging.WARNING if status == "error" else logging.INFO,
            "llm attempt provider=%s status=%s kind=%s duration=%.3fs prompt_tokens=%d completion_tokens=%d",
            provider,
            status,
            failed.kind if failed else "cancelled" if stopped else "-",
            seconds,
            prompt,
            completion,
        )

    def _count_tokens(self) -> tuple[int, int]:
        """Count the provider's figures, and our estimates for missing ones."""
        added_prompt, added_completion = self._estimated()
        prompt = (self._reported.prompt_tokens or 0) + added_prompt
        completion = (self._reported.completion_tokens or 0) + added_completion
        for kind, tokens, part in (
            ("prompt", prompt, added_prompt),
            ("completion", completion, added_completion),
        ):
            llm_tokens_total.labels(provider=self._provider, type=kind).inc(tokens)
            llm_tokens_estimated_total.labels(provider=self._provider, type=kind).inc(part)
        return prompt, completion

    def _estimated(self) -> tuple[int, int]:
        """Estimates of the prompt's and the answer's tokens that the provider used without reporting them."""
        if self._first_byte is None and not self._whole:
            return 0, 0
        prompt_told = self._reported.prompt_tokens is not None
        answer_told = self._whole and self._reported.completion_tokens is not None
        return (
            0 if prompt_told else self._rates.prompt.of(self._prompt_chars),
            0 if answer_told else self._rates.completion.of(self._unreported_chars),
        )

    def _seconds(self) -> float:
        return max(0.0, self._clock() - self._started)
