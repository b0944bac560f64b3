"""A real stack on free ports: started, crashed, stopped; what it leaves and what it never touches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.own_stack import environment, is_alive, pid_of, run, running
from support.servers import ROOT, free_port, wait_for

from scripts.stack import private
from scripts.stack.errors import StackError
from scripts.stack.health import has_page, is_ready
from scripts.stack.ports import holder
from scripts.stack.services import Service
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack

DASHBOARDS = "Dashboards, also without Grafana: http://localhost:{}\n"
MONITORING = {"prometheus", "alertmanager", "look"}


def states(stack: Stack) -> dict[str, str]:
    return {name: info["statename"] for name, info in stack.supervisor.states().items()}


def left_in(stack: Stack) -> set[str]:
    """What a stopped stack has left in its run folder, save logs, state and the lock of the command."""
    return {path.name for path in stack.settings.run_dir.iterdir()} - {"logs", "state", "lock"}


def test_monitoring_starts_alone_and_leaves_nothing(stack: Stack) -> None:
    """Both programs are healthy when the command returns; stopping them ends the supervisor too."""
    started = stack.start_monitoring()
    assert {service.name for service in started.services} == MONITORING
    assert all(is_ready(service) for service in started.services)
    pids = [pid_of(stack, name) for name in MONITORING]
    assert all(is_alive(pid) for pid in pids)
    assert stack.settings.socket.stat().st_mode & 0o777 == 0o700
    stack.stop_monitoring()
    assert not any(is_alive(pid) for pid in pids)
    assert left_in(stack) == set()
    assert (stack.settings.data_dir / "prometheus").is_dir()


def test_a_second_start_changes_nothing(stack: Stack) -> None:
    """The same processes go on, and nothing is started."""
    stack.start_monitoring()
    pids = {name: pid_of(stack, name) for name in MONITORING}
    assert stack.start_monitoring().fresh == []
    assert {name: pid_of(stack, name) for name in MONITORING} == pids


def test_a_killed_prometheus_comes_back_with_a_true_pid_file(stack: Stack) -> None:
    """kill -9: the supervisor starts it again; the file names the process that serves now."""
    stack.start_monitoring()
    # An end within the first second is a failed start, which is tried again whatever the setting.
    wait_for("the supervisor to call it running", lambda: states(stack)["prometheus"] == "RUNNING")
    before = pid_of(stack, "prometheus")
    os.kill(before, signal.SIGKILL)
    service = Service("prometheus", (), stack.settings.ports["prometheus"])
    wait_for("another process in the PID file", lambda: pid_of(stack, "prometheus") != before)
    wait_for("Prometheus to be ready again", lambda: is_ready(service))
    assert stack.supervisor.states()["prometheus"]["pid"] == pid_of(stack, "prometheus")
    assert str(pid_of(stack, "prometheus")) in holder(service.port)


def test_what_is_stopped_stays_stopped(stack: Stack) -> None:
    """Nothing restarts what a script has stopped, while the rest goes on."""
    stack.start_monitoring()
    stack.supervisor.stop("prometheus")
    assert states(stack)["prometheus"] == "STOPPED"
    assert not stack.settings.pid_file("prometheus").exists()
    assert is_ready(running().service("alertmanager"))
    assert [service.name for service in stack.start_monitoring().fresh] == ["prometheus"]


def test_a_foreign_process_in_a_pid_file_is_not_touched(stack: Stack) -> None:
    """A stale file whose number now belongs to somebody else: the file goes, the process stays."""
    stack.start_monitoring()
    stack.stop_monitoring()
    with subprocess.Popen(["sleep", "60"]) as foreign:
        stack.settings.pid_file("prometheus").write_text(str(foreign.pid))
        stack.stop_monitoring()
        assert foreign.poll() is None
        assert not stack.settings.pid_file("prometheus").exists()
        stack.settings.pid_file("prometheus").write_text(str(foreign.pid))
        stack.down()
        assert foreign.poll() is None
        foreign.kill()


def test_what_a_killed_supervisor_left_is_ended_by_the_next_command(stack: Stack) -> None:
    """The programs that nobody supervises are known by their command line, ended, and started anew."""
    stack.start_monitoring()
    orphan = pid_of(stack, "prometheus")
    os.kill(int((stack.settings.run_dir / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_for("the supervisor to be gone", lambda: not stack.supervisor.running())
    assert is_alive(orphan)
    stack.start_monitoring()
    assert not is_alive(orphan)
    assert is_alive(pid_of(stack, "prometheus"))


@pytest.mark.parametrize("name", ["alertmanager", "look"])
def test_a_taken_port_is_told_and_nothing_is_started(stack: Stack, name: str) -> None:
    """The message has the port, who wants it, who holds it, and the variable that changes it."""
    port = stack.settings.ports[name]
    with HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler), pytest.raises(StackError) as error:
        stack.start_monitoring()
    assert str(error.value).startswith(f"{name} wants port {port}, which '")
    assert f"(process {os.getpid()}) holds. Stop that" in str(error.value)
    assert str(error.value).endswith(f"or choose another port with REVIEWLENS_{name.upper()}_PORT.")
    assert left_in(stack) <= {"prometheus"}
    assert not stack.supervisor.running()


def test_a_program_that_ends_shows_its_log_and_leaves_nothing_half_started(stack: Stack) -> None:
    """Data that Prometheus cannot open: its own words are printed, and Alertmanager is not left alone."""
    (stack.settings.data_dir / "prometheus").mkdir(parents=True)
    (stack.settings.data_dir / "prometheus" / "wal").write_text("a file where a folder is expected")
    private.write(stack.settings.log("prometheus"), "an earlier start's last words\n")
    with pytest.raises(StackError, match=r"(?s)prometheus ended .*logs/prometheus\.log:\n.*wal") as error:
        stack.start_monitoring()
    assert "an earlier start's last words" not in str(error.value)
    assert not stack.supervisor.running()
    assert left_in(stack) == set()


def test_a_running_stack_is_not_changed_by_a_part_with_other_settings(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """start_monitoring.sh with another port says what to do; what the API alone reads is no matter."""
    stack.start_monitoring()
    other = Stack(
        StackSettings.from_env({**os.environ, "REVIEWLENS_PROMETHEUS_PORT": str(free_port())}), lambda _: None
    )
    with pytest.raises(StackError, match=r"runs with other settings .* `make down` first"):
        other.start_monitoring()
    with_key = Stack(StackSettings.from_env({**os.environ, "OPENAI_API_KEY": "k"}), lambda _: None)
    assert with_key.start_monitoring().fresh == []
    assert states(stack)["prometheus"] in {"RUNNING", "STARTING"}


def test_the_whole_stack_goes_up_twice_and_down() -> None:
    """`up` returns with all healthy; again it is the same processes; `down` ends every one."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        env = environment(Path(folder))
        pids = Path(folder, "run")
        try:
            first = run("up", env)
            assert (first.returncode, first.stderr) == (0, "")
            running = {path.stem: path.read_text() for path in pids.glob("*.pid")}
            assert set(running) == MONITORING | {"api", "simulator", "supervisord"}
            status = run("status", env)
            assert status.stdout.count("ready, up") == 5 and "not ready" not in status.stdout
            ports = (env[f"REVIEWLENS_{name}_PORT"] for name in ("PROMETHEUS", "ALERTMANAGER"))
            plain = not all(has_page(f"http://127.0.0.1:{port}") for port in ports)
            assert ("ask with scripts/ask.sh query EXPR" in first.stdout) == plain
            second = run("up", env)
            assert (second.returncode, second.stderr) == (0, "")
            assert {path.stem: path.read_text() for path in pids.glob("*.pid")} == running
        finally:
            down = run("down", env)
        assert (down.returncode, down.stderr) == (0, "")
        assert {path.name for path in pids.iterdir()} == {"logs", "state", "lock"}
        assert not any(is_alive(int(pid)) for pid in running.values())
        assert run("status", env).returncode == 1


def test_a_changed_setting_starts_the_stack_anew(stack: Stack) -> None:
    """On moved ports too, where Prometheus runs from a rendered configuration."""
    stack.up()
    before = pid_of(stack, "api")
    changed = Stack(StackSettings.from_env({**os.environ, "REVIEWLENS_LOG_LEVEL": "WARNING"}), lambda _: None)
    changed.up()
    assert pid_of(changed, "api") != before
    assert set(states(changed).values()) <= {"RUNNING", "STARTING"}


def test_a_changed_port_that_is_taken_leaves_the_running_stack_alone(stack: Stack) -> None:
    """It is told before anything is stopped."""
    stack.up()
    before = pid_of(stack, "api")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as foreign:
        environ = {**os.environ, "REVIEWLENS_PORT": str(foreign.server_port)}
        with pytest.raises(StackError, match=f"api wants port {foreign.server_port}, which"):
            Stack(StackSettings.from_env(environ), lambda _: None).up()
    assert is_alive(before)


def test_a_taken_port_is_told_before_anything_is_fetched(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for a download would hear it afterwards."""
    monkeypatch.setattr("scripts.stack.stack.find", lambda *_, **__: pytest.fail("fetched"))
    with (
        HTTPServer(("127.0.0.1", stack.settings.ports["api"]), BaseHTTPRequestHandler),
        pytest.raises(StackError, match="api wants port"),
    ):
        stack.up()


def test_a_program_that_cannot_be_had_is_told_in_one_line(stack: Stack) -> None:
    """What, why, what is lost, what to do; the stack goes on without it."""
    said: list[str] = []
    Stack(stack.settings, said.append).start_monitoring()
    (told,) = [line for line in said if "without grafana" in line]
    assert "\n" not in told
    assert told.startswith("Going on without grafana (http://127.0.0.1:9/.../grafana-")
    assert told.endswith("Put it on PATH, or name a mirror in REVIEWLENS_DOWNLOAD_BASE.")


@pytest.mark.usefixtures("cache")
def test_where_no_program_can_be_had_the_end_says_so(stack: Stack) -> None:
    """No program is here, and no mirror answers: the API is up, and nobody is said to collect its numbers."""
    with pytest.raises(StackError, match=r"nothing to start: none of .* could be had\. Put them on PATH, or"):
        stack.start_monitoring()
    assert not stack.supervisor.running()
    done = run("up", {})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Going on without ") == 3
    assert "Prometheus scrapes" not in done.stdout
    page = f"http://localhost:{stack.settings.ports['api']}/metrics"
    assert (
        f"Without Prometheus nobody collects the numbers, and no alert is evaluated. They are at {page}"
        in (done.stdout)
    )
    assert "`make down`, put prometheus on PATH or name a mirror in REVIEWLENS_DOWNLOAD_BASE" in done.stdout
    assert done.stdout.endswith(DASHBOARDS.format(stack.settings.ports["look"]))


def test_a_wrong_setting_is_one_line_and_code_1() -> None:
    """No traceback reaches a user."""
    done = run("up", {"REVIEWLENS_PORT": "eighty"})
    assert done.returncode == 1
    assert done.stderr == (
        "error: REVIEWLENS_PORT='eighty': expected a port, a whole number from 1 to 65535\n"
    )
    assert done.stdout == ""


def test_readiness_is_not_taken_from_a_closed_port() -> None:
    """Nobody listens: not ready, and no error."""
    assert is_ready(Service("api", (), free_port())) is False


def command(action: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """A command of the stack that goes on while the test does."""
    words = [sys.executable, "-m", "scripts.stack", action]
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_starts_at_once_are_one_stack() -> None:
    """The second waits for the first and finds all of it running."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        env = environment(Path(folder))
        try:
            both = [command("start-monitoring", env) for _ in range(2)]
            ended = [(one.communicate(timeout=120)[1], one.returncode) for one in both]
            assert ended == [("", 0), ("", 0)]
            log = (Path(env["REVIEWLENS_RUN_DIR"]) / "logs" / "supervisord.log").read_text()
            assert log.count("spawned: 'prometheus'") == 1
        finally:
            run("down", env)


def test_a_stop_amid_a_start_leaves_nothing() -> None:
    """It waits for the start to end, and then ends what that has started."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        env = environment(Path(folder))
        pids = Path(env["REVIEWLENS_RUN_DIR"])
        try:
            start = command("start-monitoring", env)
            wait_for("a program", lambda: list(pids.glob("prometheus.pid")))
            stop = command("down", env)
            assert (stop.communicate(timeout=120)[1], stop.returncode) == ("", 0)
            assert (start.communicate(timeout=120)[1], start.returncode) == ("", 0)
            assert {path.name for path in pids.iterdir()} <= {"logs", "state", "lock"}
        finally:
            run("down", env)
