"""`reviewlens demo` against the real API, the real simulator and a real Prometheus: sent is what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
import pytest
from support.servers import Server, free_port, prometheus, run_app
from support.servers import Prometheus as PrometheusServer
from typer.testing import CliRunner

from app.cli import cli
from app.demo import report
from app.demo.command import DIFFERS
from app.demo.prometheus import Prometheus
from app.demo.run import Driver, Outcome
from app.demo.scenarios import BY_NAME, SCENARIOS, Scenario
from app.demo.simulator import Simulator
from app.llm.simulator.testing import RunningSimulator, running_simulator

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: reviewlens-backend
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
NO_KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "")
SHORT = {f"REVIEWLENS_LLM_{name}_TIMEOUT": "2" for name in ("GEMINI", "OPENAI", "CLAUDE")}
SHOPPERS = 5


class Silent:
    """A watch that shows nothing."""

    def begins(self, what: str, steps: int) -> None: ...

    def steps(self) -> None: ...

    def waits(self, awaited: str) -> None: ...


@dataclass(frozen=True)
class Stack:
    """The three servers."""

    api: Server
    simulator: RunningSimulator
    prometheus: PrometheusServer

    @property
    def options(self) -> list[str]:
        """The options of the command that lead here."""
        return [
            f"--api-url={self.api.url}",
            f"--prometheus-url={self.prometheus.url}",
            f"--simulator-url={self.simulator.url}",
        ]


@contextmanager
def stack_with(**environ: str) -> Iterator[Stack]:
    """API, simulator and Prometheus, with this environment for the API."""
    port = free_port()
    with running_simulator() as simulator:
        env = {**NO_KEYS, **SHORT, "REVIEWLENS_LLM_SIMULATOR_URL": simulator.url, **environ}
        with run_app(env=env, port=port) as api, prometheus(CONFIG.format(port=port)) as prom:
            yield Stack(api, simulator, prom)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One stack for all tests."""
    with stack_with() as running:
        yield running


@asynccontextmanager
async def driver_of(stack: Stack) -> AsyncIterator[tuple[Driver, Prometheus]]:
    """A driver, as the command makes it."""
    async with (
        httpx.AsyncClient(base_url=stack.api.url, timeout=60, trust_env=False) as api,
        httpx.AsyncClient(base_url=stack.prometheus.url, timeout=10, trust_env=False) as http,
    ):
        with httpx.Client(base_url=stack.simulator.url, trust_env=False) as control:
            yield Driver(api, Prometheus(http), Simulator(control), Silent(), seed=7), Prometheus(http)


def played(stack: Stack, scenario: Scenario) -> Outcome:
    """One scenario, played against the stack."""

    async def play() -> Outcome:
        async with driver_of(stack) as (driver, _):
            assert not await driver.prepare((scenario,))
            return await driver.play(scenario, SHOPPERS)

    return asyncio.run(play())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_prometheus_counts_what_a_scenario_sent(stack: Stack, scenario: Scenario) -> None:
    """Series by series, nothing more and nothing less; every metric that should move does, none goes wrong."""
    outcome = played(stack, scenario)
    assert list(report.complaints(outcome)) == []
    assert outcome.counted == outcome.sent
    assert {one.name for one in outcome.moved} >= set(scenario.moves)
