"""The traffic: threads of clients, each with an event loop of its own, from start to end of the run."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from random import Random

from app.demo.ledger import CountedSeries, ShopperLedger, series
from app.demo.shop import GoneWrongError
from soak.account import Account, MethodLedger
from soak.client import ANSWER_SECONDS, AccountedClient, PatientShop
from soak.shoppers import SHOPPERS, STRANGERS, Behaviour, Guest

# Clients of each thread: the load two cores bear beside the service, its workers and the observers.
CASTS = ((SHOPPERS, 4), (SHOPPERS, 4), (STRANGERS, 2))
PAUSE_SECONDS = 0.05
WENT = 499
"""The status of a client that left before its answer."""
GOING_SECONDS = 2 * ANSWER_SECONDS


class Crowd:
    """All clients. On request it ends, after the requests under way."""

    def __init__(self, url: str, seed: int = 0) -> None:
        self.account = Account()
        self._url, self._over = url, threading.Event()
        self._ledgers: list[ShopperLedger] = [MethodLedger() for _ in CASTS]
        self._own = MethodLedger()
        self._faults: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number, cast, size, ledger, seed), daemon=True)
            for number, ((cast, size), ledger) in enumerate(zip(CASTS, self._ledgers, strict=True))
        ]

    @property
    def counts(self) -> Counter[CountedSeries]:
        """The service's least counts; complete once the crowd has gone."""
        total: Counter[CountedSeries] = Counter()
        for ledger in (*self._ledgers, self._own):
            total += ledger.counts
        return total

    def left_halfway(self, method: str, endpoint: str, begun: Iterable[float]) -> None:
        """Write down clients that went before they had sent their requests to the end."""
        for moment in begun:
            self.account.answers(moment, f"{method} {endpoint}, half sent", WENT)
            self._own.request(method, endpoint, WENT)

    def time_out(self, stage: str, dialogues: int) -> None:
        """Record dialogues that nobody continues."""
        self._own.counts[series("session_abandoned_total", stage=stage, reason="timeout")] += dialogues

    def comes(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def goes(self, seconds: float = GOING_SECONDS) -> None:
        """Finish requests under way, or leave them after so many seconds."""
        self._over.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(seconds)

    def check(self) -> None:
        """Raise where somebody still waits, or had a fault of the script's own."""
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError(f"clients still wait for an answer after {GOING_SECONDS:g} s")
        for fault in self._faults:
            raise fault

    def _run(
        self,
        number: int,
        cast: tuple[tuple[Behaviour, int], ...],
        size: int,
        ledger: ShopperLedger,
        seed: int,
    ) -> None:
        try:
            asyncio.run(self._all(number, cast, size, ledger, seed))
        except BaseException as error:
            self._faults.append(error)

    async def _all(
        self,
        number: int,
        cast: tuple[tuple[Behaviour, int], ...],
        size: int,
        ledger: ShopperLedger,
        seed: int,
    ) -> None:
        async with AccountedClient(self._url, self.account) as http:
            shop = PatientShop(http, ledger, self._over.is_set)
            await asyncio.gather(
                *(self._one(shop, cast, Random(f"{seed}/{number}/{place}")) for place in range(size))  # noqa: S311
            )

    async def _one(self, shop: PatientShop, cast: tuple[tuple[Behaviour, int], ...], chance: Random) -> None:
        behaviours, weights = zip(*cast, strict=True)
        while not self._over.is_set():
            (behaviour,) = chance.choices(behaviours, weights)
            with suppress(GoneWrongError):  # it stands in the ledger, or in the account
                await behaviour(Guest(shop, chance))
            await asyncio.sleep(chance.uniform(0, 2 * PAUSE_SECONDS))
