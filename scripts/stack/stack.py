"""The actions of the daily menu: up, down, monitoring alone, status, restart, reload."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import httpx

from app.demo.addresses import PORTS
from scripts.stack.binaries import find
from scripts.stack.cache import Found, Say
from scripts.stack.errors import StackError, UnavailableError
from scripts.stack.health import is_ready, wait_ready
from scripts.stack.manifest import programs
from scripts.stack.ports import require_free
from scripts.stack.processes import sweep
from scripts.stack.render import prometheus_config
from scripts.stack.services import MONITORING, Service, check_configs, services
from scripts.stack.settings import HOST, Settings
from scripts.stack.supervisor import Supervisor, commands


class Started(NamedTuple):
    """What runs now, and which of it this command has started."""

    services: list[Service]
    fresh: list[Service]


class Stack:
    """One stack: the settings of this command, and the supervisor of its run folder."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings)
        self._say = say

    def up(self) -> Started:
        """Start all that does not run, wait until all is healthy. A second time it changes nothing."""
        with self._alone():
            return self._up(None)

    def start_monitoring(self) -> Started:
        """The same for Prometheus, Alertmanager and Grafana alone."""
        with self._alone():
            return self._up(MONITORING)

    def _up(self, only: Sequence[str] | None) -> Started:
        found = self._obtain()
        wanted = services(self.settings, found)
        chosen = [service for service in wanted if only is None or service.name in only]
        check_configs(wanted, found)  # before anything that runs is touched
        if self.supervisor.running() and not self.supervisor.same(wanted):
            self._changed(only, chosen)
            services(self.settings, found)  # stopping took the rendered configurations away
        fresh = not self.supervisor.running()
        if fresh:
            sweep(self.settings, PORTS, self._say)
            self._require_ports(chosen)
            self.supervisor.launch(wanted)
        return Started(chosen, self._start(chosen, fresh))

    def _changed(self, only: Sequence[str] | None, chosen: Sequence[Service]) -> None:
        """The running stack has other settings: `up` starts it anew, a part joins it where it is the same."""
        if only is not None:
            running = commands(self.supervisor.conf)
            if any(running.get(service.name) != list(service.command) for service in chosen):
                raise StackError("The stack runs with other settings (ports, folders). `make down` first.")
            return
        self._say("Settings have changed since the stack was started: starting it anew.")
        self._down()

    def _start(self, chosen: Sequence[Service], fresh: bool) -> list[Service]:
        """Start those that do not run; answers them."""
        states = self.supervisor.states()
        idle = [
            service for service in chosen if states[service.name]["statename"] not in {"RUNNING", "STARTING"}
        ]
        try:
            self._require_ports(idle)
            for service in idle:
                self.supervisor.start(service.name)
            wait_ready(self.supervisor, self.settings, chosen, self._say if idle else lambda _: None)
        except (StackError, KeyboardInterrupt):
            self._undo(idle, fresh)
            raise
        return idle

    def _undo(self, started: Sequence[Service], fresh: bool) -> None:
        """Leave nothing half-started: stop what this command has started, and nothing else."""
        if fresh:
            self._down()
            return
        for service in started:
            self.supervisor.stop(service.name)

    def _obtain(self) -> dict[str, Found]:
        """Every program that can be had; what is missing is said, and the rest goes on.

        Nothing is fetched for a stack that runs already.
        """
        local = self.supervisor.running()
        found = {}
        for name in MONITORING:
            program = programs()[name]
            try:
                found[name] = find(program, say=self._say, local=local)
            except UnavailableError as error:
                self._say(f"No {name} here; `make down` and `make up` try again." if local else str(error))
                self._say(f"Going on without {name}: {program.without}")
                continue
            if not local:
                self._say(str(found[name]))
                if "package" in found[name].source:
                    self._say(f"  Debian's build of {name} has a plain web page; its API is whole.")
        return found

    def _require_ports(self, wanted: Sequence[Service]) -> None:
        for service in wanted:
            host = self.settings.api_host if service.name == "api" else HOST
            require_free(service.name, service.port, host)

    def down(self) -> None:
        """Stop everything and remove what a running stack writes, save its data and logs."""
        with self._alone():
            self._down()

    def _down(self) -> None:
        if self.supervisor.running():
            self.supervisor.shutdown()
        sweep(self.settings, PORTS, self._say)
        for path in ("supervisord.conf", "supervisord.pid", "supervisor.sock"):
            (self.settings.run_dir / path).unlink(missing_ok=True)
        for path in ("prometheus", "grafana"):
            shutil.rmtree(self.settings.run_dir / path, ignore_errors=True)

    def stop_monitoring(self) -> None:
        """Stop Prometheus, Alertmanager and Grafana; the supervisor too when it has nothing else to do."""
        with self._alone():
            if not self.supervisor.running():
                sweep(self.settings, MONITORING, self._say)
                return
            states = self.supervisor.states()
            for name in [name for name in MONITORING if name in states]:
                self.supervisor.stop(name)
            if all(state["statename"] == "STOPPED" for state in self.supervisor.states().values()):
                self._down()

    def restart(self, name: str) -> None:
        """Stop a service, start it, wait until it is ready."""
        with self._alone():
            service = self._service(name)
            self.supervisor.stop(name)
            self.supervisor.start(name)
            wait_ready(self.supervisor, self.settings, [service], self._say)

    def reload(self) -> None:
        """Let Prometheus and Alertmanager read their configuration again, without a restart."""
        prometheus_config(self.settings)
        for name in ("prometheus", "alertmanager"):
            try:
                answer = httpx.post(
                    f"http://{HOST}:{self.settings.ports[name]}/-/reload", timeout=30, trust_env=False
                )
            except httpx.HTTPError as error:
                raise StackError(f"{name} does not answer ({error}); is the stack up?") from error
            if answer.is_error:
                raise StackError(f"{name} keeps its old configuration: {answer.text.strip()}")
            self._say(f"  {name} has read its configuration again")

    def status(self) -> list[tuple[str, str, str, str]]:
        """Rows of service, state, PID, address; empty when nothing runs."""
        if not self.supervisor.running():
            return []
        rows = []
        for name, info in self.supervisor.states().items():
            state = info["statename"].lower()
            if info["pid"]:
                health = "ready" if is_ready(self._service(name)) else "not ready"
                state = f"{health}, up {time.time() - info['start']:.0f} s"
            rows.append((name, state, str(info["pid"] or "-"), self.settings.url(name)))
        return rows

    def _service(self, name: str) -> Service:
        if not self.supervisor.running() or name not in self.supervisor.states():
            raise StackError(f"{name} is not running under this supervisor; start it with `make up`.")
        ready = {"api": "/readyz", "simulator": "/healthz", "grafana": "/api/health"}
        return Service(name, (), self.settings.ports[name], ready.get(name, "/-/ready"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time changes a stack; the next one waits."""
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        with (self.settings.run_dir / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
