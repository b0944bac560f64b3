"""`reviewlens demo` against the real API, simulator and Prometheus: what is sent is what is counted."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, repeat

import httpx
import pytest
from support.http_server import QuietHandler, http_server
from support.servers import ROOT, PrometheusServer, Server, free_port, prometheus, run_app, wait_for
from support.silent_progress import SilentProgress
from typer.testing import CliRunner

from app.cli import cli
from app.demo import changes
from app.demo.command import QUICK_SHOPPERS
from app.demo.compare import Outcome
from app.demo.ledger import series
from app.demo.run import Driver, NotPossibleError
from app.demo.scenarios import BY_NAME, SCENARIOS, Scenario
from app.demo.scraped import exposed
from app.demo.shopper import Shopper
from app.demo.simulator import SimulatorClient
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
STOPPED = {
    'dialogue_sessions_total{category="chair"}': 1_000_000,
    'http_requests_total{method="GET",endpoint="/api/products",status_code="200"}': 1_000_000,
}


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


def played_all(
    stack: Stack, scenarios: tuple[Scenario, ...], shoppers: int = SHOPPERS, patience: float = 20
) -> list[Outcome]:
    """Scenarios, played one after the other by the driver that the command uses."""

    async def play() -> list[Outcome]:
        async with httpx.AsyncClient(base_url=stack.api.url, timeout=60, trust_env=False) as api:
            with httpx.Client(base_url=stack.simulator.url, trust_env=False) as control:
                parts = (api, stack.prometheus, SimulatorClient(control), SilentProgress())
                driver = Driver(*parts, seed=7, patience=patience)
                assert not await driver.prepare(scenarios)
                return [await driver.play(scenario, shoppers) for scenario in scenarios]

    return asyncio.run(play())


def played(stack: Stack, scenario: Scenario, shoppers: int = SHOPPERS, patience: float = 20) -> Outcome:
    """One scenario, played against the stack."""
    return played_all(stack, (scenario,), shoppers, patience)[0]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_prometheus_counts_what_a_scenario_sent(stack: Stack, scenario: Scenario) -> None:
    """Series by series, nothing more and nothing less; every metric that should move does."""
    outcome = played(stack, scenario)
    assert list(changes.complaints(outcome)) == []
    assert outcome.counted == outcome.sent
    assert {one.name for one in outcome.moved} >= set(scenario.moves)


def test_what_the_driver_did_not_send_is_seen(stack: Stack) -> None:
    """Somebody else's requests during a scenario are told, series by series; so the comparison can fail."""

    async def with_a_stranger(shopper: Shopper) -> None:
        async with httpx.AsyncClient(base_url=stack.api.url, trust_env=False) as stranger:
            assert (await stranger.get("/api/products/unheard-of")).status_code == 404
        await shopper.open_page()  # the last, since the driver waits for nothing but what it sent

    outcome = played(stack, replace(BY_NAME["happy-path"], behaviours=(with_a_stranger,)))
    assert not outcome.good
    page = {"method": "GET", "endpoint": "/api/products/{product_id}"}
    assert [(one, outcome.sent[one], outcome.counted[one]) for one in outcome.differences] == [
        (series("errors_total", error_type="not_found", component="api"), 0, SHOPPERS),
        (series("http_request_duration_seconds_count", **page), SHOPPERS, 2 * SHOPPERS),
        (series("http_requests_total", **page, status_code="404"), 0, SHOPPERS),
    ]


def test_what_prometheus_does_not_get_is_seen(stack: Stack) -> None:
    """Claimed, and never sent: after the wait, the difference is there."""

    async def boasts(shopper: Shopper) -> None:
        await shopper.open_page()
        shopper.shop.ledger.left("dialogue_start")

    outcome = played(stack, replace(BY_NAME["happy-path"], behaviours=(boasts,)), patience=3)
    boasted = series("session_abandoned_total", stage="dialogue_start", reason="browser_close")
    assert outcome.differences == (boasted,)
    assert outcome.sent[boasted] == SHOPPERS


def test_the_slow_provider_crosses_buckets_and_times_out(stack: Stack) -> None:
    """It does what it is for: answers in at least three buckets, and attempts that ended in a timeout."""
    count = 'llm_duration_seconds_count{provider="gemini"}'
    timeouts = 'sum(errors_total{error_type="timeout",component="llm"})'
    before = stack.prometheus.value(timeouts) or 0
    outcome = played(stack, BY_NAME["slow-provider"], shoppers=12)
    assert list(changes.complaints(outcome)) == []
    assert (stack.prometheus.value(timeouts) or 0) - before >= 2
    buckets = stack.prometheus.query(count.replace("_count", "_bucket"))
    assert len({sample.value for sample in buckets}) >= 4


def test_the_same_seed_sends_the_same(stack: Stack) -> None:
    """Every series of two runs."""
    first, second = (played(stack, BY_NAME["happy-path"]) for _ in range(2))
    assert first.sent == second.sent


@contextmanager
def stopped_api() -> Iterator[int]:
    """The port of a page whose series ended half a minute ago, as a restarted Prometheus still has them."""
    now = time.time()
    ages = chain((40,), repeat(27))

    class Page(QuietHandler):
        def do_GET(self) -> None:
            age = next(ages)
            lines = [
                f"{name} {value - age * 10_000} {(now - age) * 1000:.0f}\n" for name, value in STOPPED.items()
            ]
            self.answer(200, "".join(lines).encode(), Content_Type="text/plain; version=0.0.4")

    with http_server(Page) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize("version", ["2.42", "3.5"])
def test_the_command_shows_what_prometheus_holds(stack: Stack, version: str) -> None:
    """`--quick` ends well; its report has the numbers of its own run and of this API, of no stopped one."""
    with (
        stopped_api() as stopped,
        prometheus(CONFIG.format(port=f'{stack.api.port}", "127.0.0.1:{stopped}'), version=version) as prom,
    ):
        shown = CliRunner().invoke(cli, ["demo", "--quick", *replace(stack, prometheus=prom).options])
        assert prom.value(f'dialogue_sessions_total{{instance="127.0.0.1:{stopped}"}}'), "it is not there"
        sessions = sum(exposed(stack.api.get("/metrics").text, ["dialogue_sessions_total"]).values())
    assert shown.exit_code == 0, shown.output
    assert "series compared, all equal" in shown.output
    cells = [re.split(r"  +", line.strip()) for line in shown.output.splitlines()]
    told = {row[0]: row[1:] for row in cells}
    assert told["sessions"] == [str(QUICK_SHOPPERS), f"{sessions:,.0f}"]
    assert told["completion rate"][0] == "100.0%"
    assert told["LLM calls"][0] == str(QUICK_SHOPPERS)
    assert told["latency p99"][0].endswith(" ms")
    assert 0 < float(told["requests per second, in the last minute"][0].replace(",", "")) < 1000
    assert f"{stack.api.url}/docs" in shown.output


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_amid_a_scenario_the_script_is_undone(stack: Stack, how: signal.Signals, code: int) -> None:
    """Ctrl-C or SIGTERM while a provider is made slow: it is as before, and the exit code says why."""
    with httpx.Client(base_url=stack.simulator.url, trust_env=False) as control:
        before = control.get("/control").json()
        command = [sys.executable, "-c", "from app.cli import main; main()", "demo", *stack.options]
        process = subprocess.Popen(
            [*command, "--scenario=slow-provider"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            wait_for("the script to be played", lambda: control.get("/control").json() != before)
            process.send_signal(how)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
        assert (process.returncode, control.get("/control").json()) == (code, before)
        assert said == "reviewlens demo: stopped; what was scripted on the simulator is undone.\n"


def test_with_real_providers_only_what_can_be_known_is_compared(stack: Stack) -> None:
    """An API with a key asks another server: failures are left out with the reason, the rest agrees."""
    with (
        running_simulator() as real,
        stack_with(GEMINI_API_KEY="x", REVIEWLENS_LLM_GEMINI_BASE_URL=real.url) as keyed,
    ):
        chosen = (BY_NAME["failing-provider"], BY_NAME["walk-away"], BY_NAME["happy-path"])
        failing, walking, happy = played_all(keyed, chosen)
        assert "API keys are set" in failing.left_out
        assert list(changes.complaints(happy)) == list(changes.complaints(walking)) == []
        success = series("llm_calls_total", provider="gemini", status="success")
        assert happy.sent[success] == happy.counted[success] == SHOPPERS
        assert keyed.simulator.entries() == []


def test_without_a_simulator_providers_are_not_made_to_fail(stack: Stack) -> None:
    """Said with the reason, and the command goes on with the rest."""
    nowhere = f"--simulator-url=http://127.0.0.1:{free_port()}"
    wanted = ["--scenario=failing-provider", "--scenario=error-burst", "--shoppers=5"]
    shown = CliRunner().invoke(cli, ["demo", *stack.options, nowhere, *wanted])
    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) < 45
    assert "failing-provider was left out" in shown.output
    assert "no LLM simulator answers" in shown.output


def test_a_stack_that_is_not_up_is_told_with_what_to_do(stack: Stack) -> None:
    """The API first, then Prometheus; each with its address, without a traceback."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for option in ("--api-url", "--prometheus-url"):
        refused = CliRunner().invoke(cli, ["demo", *stack.options, option, nowhere])
        assert refused.exit_code == 1
        assert nowhere in refused.output and "`make up`" in refused.output


def test_a_prometheus_that_does_not_scrape_the_api_is_told(stack: Stack) -> None:
    """After the wait, with the page that says why."""
    with (
        prometheus(CONFIG.format(port=free_port())) as blind,
        pytest.raises(NotPossibleError, match="/targets"),
    ):
        played(replace(stack, prometheus=blind), BY_NAME["happy-path"], patience=2)
