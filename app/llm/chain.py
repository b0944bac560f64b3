"""The chain: asks one provider after the other for a verdict, and counts every attempt."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from importlib import import_module
from time import perf_counter

import anyio

from app.llm import proxies, template
from app.llm.attempt import Answered, Attempt
from app.llm.base import Chunk, Client, Completion, LLMError, Prompt
from app.llm.estimate import Rates
from app.llm.settings import LLMSettings, ProviderSettings
from app.llm.verdict import Draft, Restart, Verdict, VerdictRequest, parse, prompt_for
from app.plaintext import Pieces
from telemetry.metrics import llm_calls_total

logger = logging.getLogger(__name__)

# Module and class of each provider's client; neither it nor its SDK is imported before it is configured.
_CLIENTS = {
    "gemini": ("app.llm.gemini", "GeminiClient"),
    "openai": ("app.llm.openai", "OpenAIClient"),
    "claude": ("app.llm.claude", "ClaudeClient"),
}


_NO_TIME = "no time left for this verdict"

Event = str | Restart | Verdict


class Chain:
    """Providers in order, then the template: `write` always gives a verdict.

    `deadline`: seconds for all attempts of one verdict. An attempt cut off by it is a timeout; later
    providers are neither asked nor counted. `clock` gives seconds.
    """

    def __init__(
        self, clients: Iterable[Client], *, deadline: float = 25.0, clock: Callable[[], float] = perf_counter
    ) -> None:
        self.clients = tuple(clients)
        self._deadline = deadline
        self._clock = clock
        self._rates = {client.name: Rates() for client in self.clients}

    async def warm(self) -> None:
        """Load the SDKs of all clients, one after the other, off the event loop."""
        for client in self.clients:
            await client.warm()

    async def write(self, request: VerdictRequest) -> Verdict:
        """The first provider's valid verdict, else the template's."""
        prompt = prompt_for(request)
        ends = self._clock() + self._deadline
        answered: Answered = "success"
        for client in self.clients:
            if (left := ends - self._clock()) <= 0:
                break
            if draft := await self._ask(client, answered, prompt, left):
                return _verdict(draft, client.name, answered)
            answered = "fallback"
        return self._last_resort(request)

    async def stream(self, request: VerdictRequest) -> AsyncGenerator[Event, None]:
        """The verdict as it is written: pieces of a provider's answer, then the verdict.

        If a provider fails within its answer, a Restart withdraws its text. Close to stop the attempt.
        """
        prompt = prompt_for(request)
        ends = anyio.current_time() + self._deadline
        answered: Answered = "success"
        for client in self.clients:
            if anyio.current_time() >= ends:
                break
            attempt, pieces = self._attempt(client, answered, prompt).streaming(), Pieces()
            with attempt:
                async with aclosing(_until(ends, client, prompt)) as chunks:
                    async for chunk in chunks:
                        attempt.take(chunk)
                        if text := pieces.add(chunk.text):
                            yield text
                attempt.ended()
                draft = parse(attempt.text, client.name)
            if attempt.succeeded:
                yield _verdict(draft, client.name, answered)
                return
            if attempt.text:
                yield Restart()
            answered = "fallback"
        yield self._last_resort(request)

    async def _ask(self, client: Client, answered: Answered, prompt: Prompt, seconds: float) -> Draft | None:
        with self._attempt(client, answered, prompt) as attempt:
            attempt.ended(await _within(seconds, client, prompt))
            return parse(attempt.text, client.name)
        return None

    def _attempt(self, client: Client, answered: Answered, prompt: Prompt) -> Attempt:
        return Attempt(client.name, answered, prompt, self._rates[client.name], self._clock)

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
    raise LLMError(client.name, "timeout", _NO_TIME)


async def _until(ends: float, client: Client, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
    """A client's stream, cut off by a timeout at `ends` of anyio's clock."""
    async with aclosing(client.stream(prompt)) as chunks:
        while True:
            chunk = None
            with anyio.move_on_after(ends - anyio.current_time()) as scope:
                chunk = await anext(chunks, None)
            if scope.cancelled_caught:
                raise LLMError(client.name, "timeout", _NO_TIME)
            if chunk is None:
                return
            yield chunk


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
    if any(not provider.direct for provider in settings.configured) and (fault := proxies.fault()):
        logger.error("no LLM provider can be asked: %s", fault)
    clients = [build_client(provider) for provider in settings.configured]
    return Chain(clients, deadline=settings.deadline)
