"""Playing scenarios: shoppers go, Prometheus is waited for, sent and counted are put side by side."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Protocol

import httpx

from app.demo.behaviours import completes
from app.demo.compare import COMPARED, Outcome, comparable, llm_calls
from app.demo.ledger import CountedSeries, ShopperLedger
from app.demo.scenarios import Behaviour, Scenario
from app.demo.scraped import PATIENCE_SECONDS, NotInTimeError, counters, exposed, now, wait_for
from app.demo.shop import GoneWrongError, Shop
from app.demo.shopper import Shopper
from app.demo.simulator import Attempt, SimulatorClient
from telemetry.doctor.prometheus import Prometheus

AT_ONCE = 6
NOT_SHOWN = (401, 404)  # with a token, which is the scraper's own; at another port or path, or pushed alone
# Of the patience: longer than an export and a scrape.
QUIET_SHARE = 0.7
STRANGERS = "somebody else uses this API, and what they do is counted here too"


class NotPossibleError(Exception):
    """The demo cannot run: names the missing part and the remedy."""


class ProgressListener(Protocol):
    """Follows the run's progress."""

    def begins(self, what: str, steps: int) -> None:
        """Something of so many steps begins."""

    def advances(self) -> None:
        """One of them is done."""

    def waits(self, awaited: str) -> None:
        """Nothing is done but waiting for this."""


class Driver:
    """Plays scenarios one after the other against one stack."""

    def __init__(
        self,
        api: httpx.AsyncClient,
        prometheus: Prometheus,
        simulator: SimulatorClient | None,
        watch: ProgressListener,
        *,
        seed: int = 0,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._api = api
        self._prometheus = prometheus
        self._simulator = simulator
        self._watch = watch
        self._seed = seed
        self._patience = patience
        self._order: tuple[str, ...] = ()
        self._before: Counter[CountedSeries] = Counter()
        self.began = 0.0

    async def prepare(self, scenarios: tuple[Scenario, ...]) -> str:
        """Wait until Prometheus has caught up with the API. Returns a warning if that is unsure."""
        if self._simulator and any(scenario.first or scenario.every for scenario in scenarios):
            self._order = await self._probe(self._simulator)
        self._watch.waits("Prometheus to catch up with the API")
        warning = await self._catch_up()
        self._before = await self._counters()
        self.began = await now(self._prometheus)
        return warning

    async def play(self, scenario: Scenario, shoppers: int) -> Outcome:
        """Play one scenario and wait until Prometheus holds what was sent. Scripts are undone in any case."""
        if scenario.needs_simulator and not self._order:
            return Outcome(scenario, left_out=self._why_not_scripted())
        ledger, attempts = ShopperLedger(), []
        if self._simulator is None:
            await self._perform(scenario, shoppers, ledger)
        else:
            attempts = await self._perform_scripted(self._simulator, scenario, shoppers, ledger)
        sent = ledger.counts + llm_calls(ledger, attempts)
        self._watch.waits(f"Prometheus to scrape what {scenario.name} did")
        counted = await self._counted(sent, every_attempt_known=bool(attempts) or not ledger.verdicts)
        return Outcome(scenario, sent, counted, ledger.failures)

    async def _perform_scripted(
        self, simulator: SimulatorClient, scenario: Scenario, shoppers: int, ledger: ShopperLedger
    ) -> list[Attempt]:
        """Play it with the simulator's script, if it has one; what the simulator was asked meanwhile."""
        mark = simulator.last()
        scripts = scenario.scripts(self._order) if self._order else {}
        with simulator.playing({name: {**script, "seed": self._seed} for name, script in scripts.items()}):
            await self._perform(scenario, shoppers, ledger)
            return await simulator.settled(mark)

    async def _perform(self, scenario: Scenario, shoppers: int, ledger: ShopperLedger) -> None:
        cast = scenario.cast(shoppers)
        self._watch.begins(scenario.name, len(cast))
        room = asyncio.Semaphore(AT_ONCE)
        shop = Shop(self._api, ledger)

        async def one(number: int, behaviour: Behaviour) -> None:
            chance = Random(f"{self._seed}/{scenario.name}/{number}")  # noqa: S311 - no secret
            async with room:
                await _go(behaviour, Shopper(shop, chance))
            self._watch.advances()

        await asyncio.gather(*(one(number, behaviour) for number, behaviour in enumerate(cast)))

    async def _probe(self, simulator: SimulatorClient) -> tuple[str, ...]:
        """The providers in order; nothing if the API asks others."""
        self._watch.waits("a first dialogue, to see which LLM provider is asked first")
        mark, ledger = simulator.last(), ShopperLedger()
        await _go(completes, Shopper(Shop(self._api, ledger), Random(self._seed)))  # noqa: S311 - no secret
        if ledger.failures:
            raise NotPossibleError(f"a first dialogue fails: {'; '.join(ledger.failures)}")
        attempts = await simulator.settled(mark)
        asked = tuple(attempt["provider"] for attempt in attempts[:1])
        return tuple(dict.fromkeys((*asked, *simulator.providers()))) if asked else ()

    def _why_not_scripted(self) -> str:
        why = "the API asks real ones (API keys are set)" if self._simulator else "no LLM simulator answers"
        return f"its LLM providers are to fail by script, but {why}"

    async def _catch_up(self) -> str:
        if (await self._api.get("/metrics")).status_code in NOT_SHOWN:
            return await self._stand_still()
        try:
            await wait_for("Prometheus to hold what /metrics shows", self._both, _same, self._patience)
        except NotInTimeError as late:
            return _warning(late, bool(late.seen[1]))
        return ""

    async def _stand_still(self) -> str:
        """The API does not show its metrics here: wait until all of them have arrived at Prometheus."""
        seen, since = Counter[CountedSeries](), time.monotonic()

        def still(now: Counter[CountedSeries]) -> bool:
            nonlocal seen, since
            if now != seen:
                seen, since = now, time.monotonic()
            return bool(now) and time.monotonic() - since >= self._patience * QUIET_SHARE

        try:
            await wait_for("the numbers to stand still", self._counters, still, 2 * self._patience)
        except NotInTimeError as late:
            return _warning(late, bool(late.seen))
        return ""

    async def _both(self) -> tuple[Counter[CountedSeries], Counter[CountedSeries]]:
        page = (await self._api.get("/metrics")).raise_for_status()
        return comparable(exposed(page.text, COMPARED)), await self._counters()

    async def _counters(self) -> Counter[CountedSeries]:
        return comparable(await counters(self._prometheus, COMPARED))

    async def _counted(
        self, sent: Counter[CountedSeries], *, every_attempt_known: bool
    ) -> Counter[CountedSeries]:
        def risen(now: Counter[CountedSeries]) -> Counter[CountedSeries]:
            return Counter({one: now[one] - self._before[one] for one in {*now, *self._before}})

        def enough(now: Counter[CountedSeries]) -> bool:
            return all(risen(now)[one] >= number for one, number in sent.items())

        try:
            now = await wait_for("Prometheus to hold what was sent", self._counters, enough, self._patience)
        except NotInTimeError as late:
            now = late.seen
        counted = comparable(risen(now), every_attempt_known=every_attempt_known)
        self._before = now
        return counted


def _warning(late: NotInTimeError, holds_numbers: bool) -> str:
    """The doubt in words; NotPossibleError if there is nothing to compare with."""
    if not holds_numbers:
        raise NotPossibleError(
            f"Prometheus holds no number of this API ({late}): see its page /targets"
        ) from late
    return f"{late}: {STRANGERS}"


async def _go(behaviour: Behaviour, shopper: Shopper) -> None:
    with suppress(GoneWrongError):  # it stands in the ledger
        await behaviour(shopper)


def _same(both: tuple[Counter[CountedSeries], Counter[CountedSeries]]) -> bool:
    shown, held = both
    return bool(held) and shown == held
