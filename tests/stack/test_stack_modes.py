"""The two modes of a real stack: each has every number once, and a change of mode loses none."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from support.own_stack import environment, is_alive, pid_of, run, running
from support.servers import HTTP, ROOT, wait_for

from app.ports import COLLECTOR_PORTS
from scripts.stack import render
from scripts.stack.errors import StackError
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack

MODE = "REVIEWLENS_MODE"
built = pytest.mark.built
Switch = Callable[[str], Stack]


@pytest.fixture
def switch(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Switch:
    """`make up` in a mode, on free ports, with every interval a second long."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
    (tmp_path / "alerts").symlink_to(ROOT / "monitoring" / "alerts")
    for name in ("PROMETHEUS", "BEHIND_COLLECTOR"):
        committed: Path = getattr(render, name)
        (tmp_path / committed.name).write_text(
            re.sub(r"interval: \d+s", "interval: 1s", committed.read_text())
        )
        monkeypatch.setattr(render, name, tmp_path / committed.name)

    def switch(mode: str) -> Stack:
        changed = in_mode(mode)
        changed.up()
        return changed

    return switch


def test_the_stack_s_prometheus_reads_with_the_token_and_nobody_else(
    switch: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is up; 401 without; what Prometheus reads is for its user alone and holds no token."""
    token = tmp_path / "token"
    token.write_text("s3cret-t0ken")
    token.chmod(0o600)
    monkeypatch.setenv("TELEMETRY_METRICS_TOKEN_FILE", str(token))
    stack = switch("scrape")
    url = stack.settings.url("api") + "/metrics"
    assert httpx.get(url, trust_env=False).status_code == 401
    prometheus = StackPrometheus(stack.settings.url("prometheus"))
    up = f'up{{instance="localhost:{stack.settings.ports["api"]}"}} == 1'
    wait_for("the target", lambda: prometheus.query(up), 30)
    config = stack.settings.run_dir / "prometheus" / "prometheus.yml"
    assert config.stat().st_mode & 0o777 == 0o600
    assert "credentials_file" in config.read_text()
    assert "s3cret-t0ken" not in config.read_text()


def in_mode(mode: str) -> Stack:
    return Stack(StackSettings.from_env({**os.environ, MODE: mode}), lambda _: None)


def visit(stack: Stack, times: int) -> None:
    """Open dialogues, which is what these tests count."""
    with httpx.Client(base_url=stack.settings.url("api"), trust_env=False) as api:
        product = api.get("/api/products").json()[0]["product_id"]
        for _ in range(times):
            api.post("/api/sessions", json={"product_id": product}).raise_for_status()


def sessions(stack: Stack, way: str = "dialogue_sessions_total") -> dict[str, float]:
    """Job -> dialogues, of all series that Prometheus answers with."""
    answer = StackPrometheus(stack.settings.url("prometheus")).query(f"sum by (job) ({way})")
    return {labels["job"]: value for labels, value in answer}


def most(stack: Stack, job: str) -> float:
    """The dialogues that a job has ever told of."""
    return sessions(stack, "max_over_time(dialogue_sessions_total[10m])")[job]


@built
def test_a_change_of_mode_counts_all_and_nothing_twice(switch: Switch) -> None:
    """Dialogues up to the last moment are in the store, and from then on only the new way answers."""
    stack = switch("otlp")
    visit(stack, 3)
    wait_for("what was pushed", lambda: sessions(stack) == {"reviewlens-api": 3})
    sources = StackPrometheus(stack.settings.url("prometheus")).query(
        "count by (job, instance) (http_requests_total)"
    )
    assert len(sources) == 1
    assert httpx.get(f"{stack.settings.url('api')}/metrics", trust_env=False).status_code == 404

    visit(stack, 2)
    stack = switch("scrape")
    assert most(stack, "reviewlens-api") == 5
    wait_for("the first scrape", lambda: sessions(stack) == {"reviewlens-backend": 0})
    assert "collector" not in stack.supervisor.states()

    visit(stack, 4)
    stack = switch("otlp")
    assert most(stack, "reviewlens-backend") == 4
    wait_for("the first push", lambda: sessions(stack) == {"reviewlens-api": 0})

    visit(stack, 1)
    stack.down()
    stack = switch("otlp")
    wait_for("the push of the next API", lambda: sessions(stack) == {"reviewlens-api": 0})
    # From 5 at the first change, and from 1 at the stop.
    assert sessions(stack, "resets(dialogue_sessions_total[10m])")["reviewlens-api"] == 2


@built
def test_make_up_through_the_collector() -> None:
    """With the committed intervals: what shoppers did is what is counted; again it is the same processes."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        env = environment(Path(folder))
        try:
            first = run("up", env, "--mode", "otlp")
            assert (first.returncode, first.stderr) == (0, "")
            assert "120 series compared, all equal" in first.stdout
            page = f"http://localhost:{env['REVIEWLENS_LOOK_PORT']}"
            assert first.stdout.endswith(f"Dashboards, also without Grafana: {page}\n")
            assert len(HTTP.get(f"{page}/api/boards").json()["boards"]) == 3
            assert f"(http://localhost:{env['REVIEWLENS_COLLECTOR_HTTP_PORT']}, gRPC" in first.stdout
            pids = {path.stem: path.read_text() for path in Path(folder, "run").glob("*.pid")}
            programs = {"simulator", "collector", "api", "prometheus", "alertmanager", "look"}
            assert set(pids) == {*programs, "supervisord"}
            second = run("up", {**env, MODE: "otlp"})
            assert "All of it was running already" in second.stdout
            assert {path.stem: path.read_text() for path in Path(folder, "run").glob("*.pid")} == pids
            assert run("status", env).stdout.count("ready, up") == len(programs)
        finally:
            down = run("down", env)
        assert (down.returncode, down.stderr) == (0, "")
        assert "api           stopped; waiting for Prometheus" in down.stdout
        assert not any(is_alive(int(pid)) for pid in pids.values())


@built
def test_the_collector_goes_with_monitoring(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that knows no mode joins the one that runs; a restart gives it another process."""
    in_mode("otlp").start_monitoring()
    running().restart("collector")
    assert {row[0]: row[3] for row in running().status()}["collector"].endswith(
        os.environ["REVIEWLENS_COLLECTOR_HTTP_PORT"]
    )
    running().reload()
    before = pid_of(stack, "prometheus")
    again = run("start-monitoring", {})
    assert (again.returncode, again.stderr) == (0, "")
    assert pid_of(stack, "prometheus") == before
    stack.stop_monitoring()
    assert not stack.supervisor.running()


@pytest.mark.parametrize("name", COLLECTOR_PORTS)
@pytest.mark.usefixtures("stack")
def test_a_taken_port_of_the_collector_is_told_before_anything_is_fetched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the five, with the variable that moves it."""
    monkeypatch.setattr("scripts.stack.stack.find", lambda *_, **__: pytest.fail("fetched"))
    variable = COLLECTOR_PORTS[name][0]
    with (
        HTTPServer(("127.0.0.1", int(os.environ[variable])), BaseHTTPRequestHandler),
        pytest.raises(StackError, match=rf"^{name} wants port .* choose another port with {variable}\.$"),
    ):
        in_mode("otlp").up()


@built
def test_a_port_that_the_other_mode_lacks_leaves_the_running_stack_alone(stack: Stack) -> None:
    """The running stack has no collector, so its ports are asked for before anything is stopped."""
    stack.up()
    before = pid_of(stack, "api")
    port = int(os.environ["REVIEWLENS_COLLECTOR_SCRAPE_PORT"])
    with (
        HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler),
        pytest.raises(StackError, match="collector-scrape wants port"),
    ):
        in_mode("otlp").up()
    assert is_alive(before)


@pytest.mark.usefixtures("cache", "mirror")
def test_without_a_collector_nothing_is_started(stack: Stack) -> None:
    """No program, no Go, no network: one line with what is missing, and what works without it."""
    with pytest.raises(StackError) as error:
        in_mode("otlp").up()
    told = str(error.value)
    assert "\n" not in told
    assert told.startswith("mode otlp needs the collector, which could not be had (")
    assert told.endswith(
        "). `make up` works without; else install Go 1.25 or newer, or put otelcol-contrib on PATH."
    )
    assert not stack.supervisor.running()
    assert {path.name for path in stack.settings.run_dir.iterdir()} == {"lock"}


def test_a_mode_that_there_is_not_is_one_line() -> None:
    """From the environment and from the option, which is make's MODE: each by the name that was written."""
    asked = [(run(action, {MODE: "push"}), MODE) for action in ("up", "status")]
    asked += [(run(action, {}, "--mode", "push"), "MODE (--mode)") for action in ("up", "start-monitoring")]
    for done, written in asked:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"error: {written}='push': scrape or otlp is expected. `make up` scrapes the API, "
            "`make up MODE=otlp` goes through the collector.\n"
        )


@pytest.mark.parametrize(("given", "command"), [((), "up"), (("MODE=otlp",), "up --mode 'otlp'")])
def test_make_hands_the_mode_on(given: tuple[str, ...], command: str) -> None:
    """`make up` alone says none."""
    of_make = {"MODE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # `make test` sets the last three
    environ = {name: value for name, value in os.environ.items() if name not in of_make}
    done = subprocess.run(
        ["make", "-n", "up", *given], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].strip() == f"scripts/stack.sh {command}"


def test_ports_of_the_collector_are_its_own_where_there_is_one() -> None:
    """Without a collector its ports are free for others."""
    taken = {"REVIEWLENS_PORT": "8888"}
    assert StackSettings.from_env(taken).ports["api"] == 8888
    with pytest.raises(
        StackError, match="REVIEWLENS_PORT and REVIEWLENS_COLLECTOR_METRICS_PORT are both 8888"
    ):
        StackSettings.from_env({**taken, MODE: "otlp"})


def test_the_default_mode_is_as_unset() -> None:
    """Saying it changes nothing that runs."""
    assert StackSettings.from_env({MODE: "scrape"}) == StackSettings.from_env({})
    assert StackSettings.from_env({MODE: "otlp"}).recorded == {MODE: "otlp"}


def test_a_proxy_is_not_for_the_collector() -> None:
    """What the environment says already is kept; without a proxy nothing is said."""
    proxy = {"https_proxy": "", "HTTP_PROXY": "http://proxy.example:3128"}
    assert StackSettings.from_env({**proxy, "no_proxy": "a.example,b"}).no_proxy == "a.example,b,127.0.0.1"
    assert StackSettings.from_env({"no_proxy": "a.example"}).no_proxy == ""


def test_in_mode_otlp_prometheus_runs_on_the_other_configuration(tmp_path: Path) -> None:
    """As committed on default ports, else on a copy in which each target has moved."""
    assert (
        render.prometheus_config(StackSettings.from_env({MODE: "otlp"}))
        == ROOT / "monitoring/prometheus.otlp.yml"
    )
    moved = {"REVIEWLENS_COLLECTOR_SCRAPE_PORT": "18889", "REVIEWLENS_RUN_DIR": str(tmp_path)}
    text = render.prometheus_config(StackSettings.from_env({MODE: "otlp", **moved})).read_text()
    assert re.findall(r"localhost:\d+", text) == [
        "localhost:9093",
        "localhost:9090",
        "localhost:18889",
        "localhost:8888",
    ]
