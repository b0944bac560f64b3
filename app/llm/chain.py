"""The chain: asks one provider after the other for a verdict, and counts every attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Literal

import anyio

from app.llm import template
from app.llm.base import Client, Completion, LLMError, Prompt, Usage
from app.llm.settings import LLMSettings, ProviderSettings
from app.llm.verdict import Draft, Verdict, VerdictRequest, parse, prompt_for
from telemetry.metrics import errors_total, llm_calls_total, llm_duration_seconds, llm_tokens_total

logger = logging.getLogger(__name__)

Answered = Literal["success", "fallback"]

# Module and class of each provider's client; neither it nor its SDK is imported before it is configured.
_CLIENTS = {
    "gemini": ("app.llm.gemini", "GeminiClient"),
    "openai": ("app.llm.openai", "OpenAIClient"),
    "claude": ("app.llm.claude", "ClaudeClient"),
}


@dataclass
class _Attempt:
    """One attempt of a provider while it goes on. Without a kind, an error is one that was cancelled."""

    provider: str
    status: Literal["success", "fallback", "error"] = "error"
    kind: str | None = None
    usage: Usage | None = None


class Chain:
    """Providers in order, then the template: `write` always gives a verdict.

    `deadline`: seconds for all attempts of one verdict; what it cuts off is a timeout, and providers that it
    leaves no time for are not asked, so not counted. `clock` gives seconds.
    """

    def __init__(
        self, clients: Iterable[Client], *, deadline: float = 25.0, clock: Callable[[], float] = perf_counter
    ) -> None:
        self.clients = tuple(clients)
        self._deadline = deadline
        self._clock = clock

    async def warm(self) -> None:
        """Load the SDKs of all clients, one after the other, off the event loop."""
        for client in self.clients:
            await client.warm()

    async def write(self, request: VerdictRequest) -> Verdict:
        """The verdict of the first provider that gives a valid one, else of the template."""
        prompt = prompt_for(request)
        ends = self._clock() + self._deadline
        answered: Answered = "success"
        for client in self.clients:
            if (left := ends - self._clock()) <= 0:
                break
            if draft := await self._attempt(client, prompt, answered, left):
                return _verdict(draft, client.name, answered)
            answered = "fallback"
        return self._last_resort(request)

    async def _attempt(
        self, client: Client, prompt: Prompt, answered: Answered, seconds: float
    ) -> Draft | None:
        attempt, started = _Attempt(client.name), self._clock()
        try:
            completion = await _within(seconds, client, prompt)
            attempt.usage = completion.usage
            draft = parse(completion.text, client.name)
            attempt.status = answered
        except LLMError as error:
            attempt.kind = error.kind
            attempt.usage = attempt.usage or error.usage
            return None
        else:
            return draft
        finally:
            _record(attempt, max(0.0, self._clock() - started))

    def _last_resort(self, request: VerdictRequest) -> Verdict:
        draft = template.write(request)
        llm_calls_total.labels(provider=template.NAME, status="fallback").inc()
        logger.info("llm attempt provider=%s status=fallback", template.NAME)
        return _verdict(draft, template.NAME, "fallback")

    async def aclose(self) -> None:
        """Close the connections of all clients."""
        for client in self.clients:
            await client.aclose()


async def _within(seconds: float, client: Client, prompt: Prompt) -> Completion:
    with anyio.move_on_after(seconds):
        return await client.complete(prompt)
    raise LLMError(client.name, "timeout", "no time left for this verdict")


def _record(attempt: _Attempt, seconds: float) -> None:
    """Count one attempt. A cancelled one is an error of no kind: nothing went wrong in our component."""
    provider, usage = attempt.provider, attempt.usage or Usage(0, 0)
    llm_calls_total.labels(provider=provider, status=attempt.status).inc()
    llm_duration_seconds.labels(provider=provider).observe(seconds)
    llm_tokens_total.labels(provider=provider, type="prompt").inc(usage.prompt_tokens)
    llm_tokens_total.labels(provider=provider, type="completion").inc(usage.completion_tokens)
    if attempt.kind:
        errors_total.labels(error_type=attempt.kind, component="llm").inc()
    logger.log(
        logging.WARNING if attempt.status == "error" else logging.INFO,
        "llm attempt provider=%s status=%s kind=%s duration=%.3fs prompt_tokens=%d completion_tokens=%d",
        provider,
        attempt.status,
        attempt.kind or ("cancelled" if attempt.status == "error" else "-"),
        seconds,
        usage.prompt_tokens,
        usage.completion_tokens,
    )


def _verdict(draft: Draft, provider: str, status: Answered) -> Verdict:
    return Verdict(draft.summary, draft.recommendation, draft.key_findings, provider, status)


def build_client(settings: ProviderSettings) -> Client:
    """The client of one provider. Its SDK is not loaded yet."""
    module, name = _CLIENTS[settings.name]
    client: Client = getattr(import_module(module), name)(settings)
    return client


def build_chain(settings: LLMSettings | None = None) -> Chain:
    """The chain that the settings (default: the environment) ask for. AppSettingsError if they are wrong."""
    settings = settings or LLMSettings.from_env()
    if settings.simulated:
        logger.warning(
            "no LLM API key is set: verdicts come from the simulator at %s", settings.simulator_url
        )
    elif not settings.configured:
        logger.warning("no LLM provider of the order has an API key: every verdict is the local template's")
    clients = [build_client(provider) for provider in settings.configured]
    return Chain(clients, deadline=settings.deadline)
