"""Two machines while their Redis is slow, stands still, fails over: all that was answered adds up."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from support.detour import Detour, detour
from support.machines import Machines, two_machines
from support.redis_server import RedisServer, redis_pair
from support.servers import wait_for

ANSWER = "네, 그 점이 가장 걱정돼요"
STANDS_STILL = 2.5
"""Seconds: more than a question waits, so that some are given up."""


class Shopper:
    """One who repeats what was a 503, and goes on from where the dialogue stands."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self.started = self.turns = self.refused = 0

    def dialogues(self, over: Event) -> None:
        """One after the other, the last one to its end."""
        while not over.is_set():
            if path := self._begun():
                self.started += 1
                self.turns += self._led(path)

    def _begun(self) -> str | None:
        answer = self._machines.ask("POST", "/api/sessions", {"product_id": "chair"})
        if answer.status_code == 503:
            self.refused += 1
            return None
        return f"/api/sessions/{answer.raise_for_status().json()['session_id']}"

    def _led(self, path: str) -> int:
        """Its turns, by the dialogue's own account."""
        while True:
            state = self._machines.ask("GET", path)
            if state.status_code == 503:
                self.refused += 1
                continue
            seen = state.raise_for_status().json()
            if seen["analysis"]:
                return int(seen["turn"])
            question = {"question_id": seen["question"]["question_id"]} if seen["question"] else {}
            answered = self._machines.ask("POST", f"{path}/turns", {"answer": ANSWER, **question})
            assert answered.status_code in (200, 409, 503), answered.text
            self.refused += answered.status_code == 503


def fail_over(primary: RedisServer, replica: RedisServer, way: Detour) -> None:
    """In order: writes wait until the replica has all; then the address leads there."""
    primary.client.execute_command("FAILOVER TO", "127.0.0.1", replica.port)
    wait_for("the promotion", lambda: replica.client.info("replication")["role"] == "master")
    way.to = replica.port


def test_what_shoppers_were_answered_adds_up() -> None:
    """Every dialogue ends with one verdict, and is counted once, whatever its Redis did meanwhile."""
    over = Event()
    with (
        redis_pair() as (primary, replica),
        detour(primary.port) as way,
        two_machines(f"redis://127.0.0.1:{way.port}/1") as machines,
    ):
        with ThreadPoolExecutor(6) as crowd:
            shoppers = [Shopper(machines) for _ in range(6)]
            led = [crowd.submit(shopper.dialogues, over) for shopper in shoppers]
            try:
                time.sleep(1)
                way.seconds = 0.05
                time.sleep(1)
                way.seconds = 0.0
                primary.process.send_signal(signal.SIGSTOP)
                time.sleep(STANDS_STILL)
                primary.process.send_signal(signal.SIGCONT)
                time.sleep(1)
                fail_over(primary, replica, way)
                time.sleep(2)
            finally:
                primary.process.send_signal(signal.SIGCONT)
                over.set()
        for each in led:
            each.result()
        started = sum(shopper.started for shopper in shoppers)
        assert sum(shopper.refused for shopper in shoppers) >= len(shoppers), "nobody noticed"
        assert machines.total("dialogue_sessions_total") == started > len(shoppers)
        assert machines.total("dialogue_completions_total") == started
        assert machines.total("dialogue_turns_total") == sum(shopper.turns for shopper in shoppers)
        assert machines.gauge(0) == machines.gauge(1) == {}
