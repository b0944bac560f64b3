"""Whatever a provider answers: a verdict, tokens as they were reported, attempts and errors that add up.

The SDKs' own clients ask a real server, which answers in the three wire protocols, whole and streamed.
A fixed sample; 6,000 answers take some minutes: `REVIEWLENS_ODD_ANSWERS=6000 pytest` and this file.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from support.odd_answers import Odd, broken_answers, odd_answers
from support.odd_provider import OddProvider, Sent, odd_provider

from app.llm.chain import Chain, build_client
from app.llm.reading import MOST_TOKENS
from app.llm.settings import PROVIDERS, SIMULATOR_PATHS, ProviderSettings
from app.llm.verdict import Restart, Verdict, VerdictRequest
from app.plaintext import plain
from telemetry.testing import Recorded

ANSWERS = int(os.environ.get("REVIEWLENS_ODD_ANSWERS", "400"))
REQUEST = VerdictRequest("소곤 청소기", "robot_cleaner")
HALF = settings(
    max_examples=ANSWERS // 2,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
Live = Callable[[Odd, Sent], tuple[Verdict, str]]
Counts = Counter[tuple[str, ...]]


class Asked(NamedTuple):
    """A way to have answers, and what has been counted since the last one."""

    live: Live
    counted: Callable[[], Counts]
    provider: OddProvider


@pytest.fixture
def asked(metrics: Recorded) -> Iterator[Asked]:
    """Chains of one provider each, in one event loop with the server that they ask."""
    loop = asyncio.new_event_loop()
    context = odd_provider()
    server = loop.run_until_complete(context.__aenter__())
    chains = {name: chain_of(name, server.url) for name in PROVIDERS}
    before: Counts = Counter()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(work)

    def live(odd: Odd, sent: Sent) -> tuple[Verdict, str]:
        server.sent = sent
        verdict: tuple[Verdict, str] = run(_verdict(chains[odd.provider], odd.streamed))
        return verdict

    def counted() -> Counts:
        nonlocal before
        now = counts(metrics)
        before, last = now, before
        return now - last

    yield Asked(live, counted, server)
    for chain in chains.values():
        run(chain.aclose())
    run(context.__aexit__(None, None, None))
    loop.close()


def chain_of(name: str, url: str) -> Chain:
    """The chain of one provider that is at an address."""
    one = ProviderSettings(name, "any-model", SecretStr("key"), url + SIMULATOR_PATHS[name], direct=True)
    return Chain([build_client(one)])


async def _verdict(chain: Chain, streamed: bool) -> tuple[Verdict, str]:
    """A verdict, and the words that were shown before it and not withdrawn."""
    if not streamed:
        return await chain.write(REQUEST), ""
    shown = ""
    async for event in chain.stream(REQUEST):
        if isinstance(event, Verdict):
            return event, shown
        shown = "" if isinstance(event, Restart) else shown + event
    raise AssertionError("a stream ended without a verdict")


def counts(metrics: Recorded) -> Counts:
    """Attempts, errors and tokens so far, by their label values."""
    names = ("llm_calls_total", "errors_total", "llm_tokens_total", "llm_tokens_estimated_total")
    found: Counts = Counter()
    for family in text_string_to_metric_families(metrics.text()):
        for sample in family.samples:
            if sample.name in names and sample.labels.get("component", "llm") == "llm":
                labels = tuple(sample.labels[key] for key in sorted(sample.labels))
                found[(sample.name, *labels)] = int(sample.value)
    return found


def tokens(counted: Counts, provider: str, kind: str) -> tuple[int, int]:
    """What a provider has told of a kind of tokens, and what was estimated."""
    estimated = counted["llm_tokens_estimated_total", provider, kind]
    return counted["llm_tokens_total", provider, kind] - estimated, estimated


def total(counted: Counts, name: str) -> int:
    return sum(value for key, value in counted.items() if key[0] == name)


@pytest.mark.filterwarnings("ignore:LATER_REASON")
def test_an_odd_answer_is_the_verdict_that_it_holds(asked: Asked) -> None:
    """Its words, made plain; the tokens that it tells, to the last one; no error. What it does not tell, or
    cannot be, is estimated and known apart."""

    @HALF
    @given(odd_answers())
    def each(odd: Odd) -> None:
        verdict, shown = asked.live(odd, odd.sent())
        counted = asked.counted()
        assert (verdict.provider, verdict.status) == (odd.provider, "success")
        assert verdict.summary == plain(odd.said["summary"]).strip()
        assert verdict.key_findings == tuple(plain(one).strip() for one in odd.said["key_findings"])
        assert ("<b" in shown, "\0" in shown) == (False, False)
        assert counted["llm_calls_total", odd.provider, "success"] == 1
        assert total(counted, "llm_calls_total") == 1
        assert total(counted, "errors_total") == 0
        for kind, told in (("prompt", odd.prompt), ("completion", odd.completion)):
            is_told, estimated = tokens(counted, odd.provider, kind)
            assert is_told == (told or 0)
            assert (estimated == 0) == (told is not None)

    each()


@pytest.mark.filterwarnings("ignore:LATER_REASON", "ignore:.* is not a valid FinishReason")
def test_a_broken_answer_is_an_error_or_a_verdict(asked: Asked) -> None:
    """A verdict in any case, by one attempt, with an error of a kind where the template wrote it. No tokens
    that cannot be."""

    @HALF
    @given(broken_answers())
    def each(broken: tuple[Odd, Sent]) -> None:
        odd, sent = broken
        verdict, _ = asked.live(odd, sent)
        counted = asked.counted()
        is_error = verdict.provider == "template"
        assert verdict.status == ("fallback" if is_error else "success")
        assert counted["llm_calls_total", odd.provider, "error" if is_error else "success"] == 1
        assert total(counted, "llm_calls_total") == 1 + is_error
        assert total(counted, "errors_total") == is_error
        for kind in ("prompt", "completion"):
            assert all(0 <= part <= MOST_TOKENS for part in tokens(counted, odd.provider, kind))

    each()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_answer_without_end_is_read_to_a_bound(
    asked: Asked, name: str, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after it is not read: the answer is an invalid one."""
    monkeypatch.setattr("app.llm.transport.MOST_BYTES", 100_000)
    odd = Odd(name, streamed, ({"type": "ping", "x": "y" * 300_000},) * 3, {}, None, None)
    assert asked.live(odd, odd.sent())[0].provider == "template"
    assert asked.counted()["errors_total", "llm", "invalid_response"] == 1
