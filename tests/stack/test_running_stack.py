"""What is asked of a running stack: logs, a restart, a reload, by a shell that knows little of it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from support.own_stack import pid_of, run, running
from support.servers import ROOT, wait_for

from app.ports import PORTS
from scripts.stack import render
from scripts.stack.errors import SettingsChangedError, StackError
from scripts.stack.health import is_ready
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.running import RunningStack
from scripts.stack.services import Service
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack


def test_a_restart_keeps_what_the_stack_was_started_with(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell with none of its variables restarts it as it was; one with another value is refused."""
    stack.up()
    before, ports = pid_of(stack, "api"), stack.settings.ports
    for name in [variable for variable, _ in PORTS.values()]:
        monkeypatch.delenv(name)
    said: list[str] = []
    bare = RunningStack(StackSettings.from_env(), said.append)
    bare.restart("api")
    assert pid_of(stack, "api") != before
    assert is_ready(Service("api", (), ports["api"]))
    assert said[-1].startswith("  as it was started, with REVIEWLENS_ALERTMANAGER_PORT, ")
    assert {url.rpartition(":")[2] for *_, url in bare.status()} == {
        str(port) for name, port in ports.items() if name != "grafana"
    }
    after = pid_of(stack, "api")
    with pytest.raises(SettingsChangedError) as changed:
        running(REVIEWLENS_LOG_LEVEL="WARNING", OPENAI_API_KEY="sk-1").restart("api")
    assert str(changed.value) == (
        "settings changed (OPENAI_API_KEY, REVIEWLENS_LOG_LEVEL: (unset) -> WARNING): run `make up`."
    )
    assert pid_of(stack, "api") == after
    with pytest.raises(
        StackError, match="there is no service 'apii' here; there are alertmanager, api, look, prom"
    ):
        running().restart("apii")


def test_the_demo_finds_the_running_stack_from_a_shell_that_knows_no_port(stack: Stack) -> None:
    """`make demo` as Makefile has it, with the run folder alone: the stack's own ports are asked."""
    stack.up()
    bare = {variable: "" for variable, _ in PORTS.values()}
    with subprocess.Popen(
        [ROOT / "scripts" / "stack.sh", "demo"], env={**os.environ, **bare}, stdout=subprocess.PIPE, text=True
    ) as demo:
        sessions = 'sum(http_requests_total{endpoint="/api/sessions"})'
        asked = StackPrometheus(stack.settings.url("prometheus"))
        wait_for("a dialogue of the demo's", lambda: any(value for _, value in asked.query(sessions)), 60)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
    assert demo.returncode == 130


def test_reload_keeps_the_old_configuration_when_the_new_one_is_wrong(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus' own words are passed on, and it goes on with what it had."""
    stack.start_monitoring()
    running().reload()
    (tmp_path / "alerts").mkdir()
    (tmp_path / "prometheus.yml").write_text("scrape_configs: [{job_name: twice}, {job_name: twice}]\n")
    monkeypatch.setattr(render, "PROMETHEUS", tmp_path / "prometheus.yml")
    with pytest.raises(StackError, match=r"keeps its old configuration: .*multiple scrape configs"):
        running().reload()
    assert is_ready(running().service("prometheus"))


@pytest.mark.usefixtures("stack")
def test_without_a_stack_every_look_at_it_says_so() -> None:
    """What to do stands in the message."""
    with pytest.raises(StackError, match="nothing is running; start it with `make up`"):
        running()


def test_the_log_of_an_unknown_service_names_those_that_are_there(tmp_path: Path) -> None:
    """Before the first start, too."""
    env = {"REVIEWLENS_RUN_DIR": str(tmp_path)}
    assert run("logs", env, "apii").stderr == (
        f"error: there is no log of 'apii' in {tmp_path}/logs; nothing has run yet; `make up` starts it.\n"
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("one\ntwo\n")
    assert run("logs", env, "apii").stderr == (
        f"error: there is no log of 'apii' in {tmp_path}/logs; there are api.\n"
    )
    assert run("logs", env, "api", "-n", "1").stdout == "  two\n"
