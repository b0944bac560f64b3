"""Starting and stopping: all of the stack, or monitoring alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from scripts.stack import launch, private, render, startable
from scripts.stack.binaries import find
from scripts.stack.cache import Found, Say
from scripts.stack.drain import drain
from scripts.stack.environment import changes
from scripts.stack.errors import StackError, UnavailableError
from scripts.stack.exporting import exporting
from scripts.stack.health import wait_ready
from scripts.stack.lock import alone
from scripts.stack.manifest import DOWNLOAD_BASE, programs
from scripts.stack.modes import OTLP, SERVICES, ports_of
from scripts.stack.ports import require_free
from scripts.stack.processes import sweep
from scripts.stack.services import MONITORING, PROGRAMS, Service, check_configs, services
from scripts.stack.settings import HOST, StackSettings
from scripts.stack.supervisor import FILES, Supervisor
from telemetry.private import openness

AGAIN = f"Put them on PATH, or name a mirror of their releases in {DOWNLOAD_BASE}, and run it again."


class Started(NamedTuple):
    """The running services, and the ones that this command started."""

    services: list[Service]
    fresh: list[Service]


class Stack:
    """One stack: the settings of this command, and the supervisor of its run folder."""

    def __init__(self, settings: StackSettings, say: Say) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings)
        self._say = say

    def up(self) -> Started:
        """Start all that does not run, wait until all is healthy. A second time it changes nothing."""
        with alone(self.settings):
            return self._up(None)

    def start_monitoring(self) -> Started:
        """The same for Prometheus, Alertmanager, Grafana and, in its mode, the collector alone."""
        with alone(self.settings):
            return self._up(MONITORING)

    def _up(self, only: Sequence[str] | None) -> Started:
        given = exporting(self.settings.mode, self.settings.ports, self.settings.recorded)
        names = [name for name in SERVICES if self._wanted(name, only)]
        if "api" in names:
            startable.check(given)
        if not self.supervisor.running():
            sweep(self.settings, SERVICES, self._say)
            self._require_ports(names)  # before anything is fetched
        found = self._obtain()
        wanted = services(self.settings, found)
        chosen = [service for service in wanted if service.name in names]
        if {service.name for service in chosen} <= {"look"}:
            raise StackError(f"nothing to start: none of {', '.join(PROGRAMS)} could be had. {AGAIN}")
        check_configs(wanted, found)  # before anything that runs is touched
        if self.supervisor.running() and not self.supervisor.same(wanted):
            self._changed(only, chosen)
            services(self.settings, found)  # stopping took the rendered configurations away
        fresh = not self.supervisor.running()
        if fresh:
            self.supervisor.launch(wanted)
            if notice := openness(self.settings.run_dir):
                self._say(notice)
        return Started(chosen, self._start(chosen, fresh))

    def _wanted(self, name: str, only: Sequence[str] | None) -> bool:
        if (name == "simulator" and not self.settings.simulated) or (
            name == "collector" and self.settings.mode != OTLP
        ):
            return False
        return only is None or name in only

    def _changed(self, only: Sequence[str] | None, chosen: Sequence[Service]) -> None:
        """The running stack has other settings: `up` restarts it, a part with equal settings joins it."""
        if only is not None:
            running = launch.launched(self.settings.run_dir)
            commands = running.commands if running else {}
            if any(commands.get(service.name) != list(service.command) for service in chosen):
                raise StackError("The stack runs with other settings (ports, folders). `make down` first.")
            return
        before = self.supervisor.started_with()
        self._require_ports([service.name for service in chosen], taken=before.ports.values())
        changed = ", ".join(changes(before.recorded, self.settings.recorded)) or "programs, flags"
        self._say(f"Settings have changed since the stack was started ({changed}): starting it anew.")
        drain(self.supervisor, self._say, to_another_mode=before.mode != self.settings.mode)
        self._down()

    def _start(self, chosen: Sequence[Service], fresh: bool) -> list[Service]:
        """Start the stopped services of these, and return them."""
        states = self.supervisor.states()
        idle = [
            service for service in chosen if states[service.name]["statename"] not in {"RUNNING", "STARTING"}
        ]
        try:
            self._require_ports([service.name for service in idle])
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
        """Every available program; a missing one is reported, and the rest goes on. A running stack fetches
        nothing.
        """
        local = self.supervisor.running()
        found = {"otelcol": self._collector()} if self.settings.mode == OTLP else {}
        for name in PROGRAMS:
            program = programs()[name]
            try:
                found[name] = find(program, say=self._say, local=local)
            except UnavailableError as error:
                why = "not fetched while the stack runs" if local else error.why
                advice = f"Put it on PATH, or name a mirror in {DOWNLOAD_BASE}."
                self._say(f"Going on without {name} ({why}): {program.without} {advice}")
                continue
            if not local:
                self._say(str(found[name]))
        return found

    def _collector(self) -> Found:
        """The collector, fetched or built also while a stack of the other mode runs; its mode needs it."""
        program = programs()["otelcol"]
        try:
            found = find(program, say=self._say)
        except UnavailableError as error:
            raise StackError(
                f"mode {OTLP} needs the collector, which could not be had ({error.why}). "
                "`make up` works without; else install Go 1.25 or newer, "
                f"or put {program.tools[program.name][-1]} on PATH."
            ) from error
        if not self.supervisor.running():
            self._say(str(found))
        return found

    def _require_ports(self, services: Iterable[str], taken: Collection[int] = ()) -> None:
        """Every port of these services is free, or held by this stack itself."""
        hosts = {"api": self.settings.api_host, "collector": self.settings.collector_host}
        for service in services:
            for name in ports_of(service):
                if (port := self.settings.ports[name]) not in taken:
                    require_free(name, port, hosts.get(service, HOST))

    def down(self) -> None:
        """Stop everything and remove what a running stack writes, save its data and logs."""
        with alone(self.settings):
            if self.supervisor.running():
                drain(self.supervisor, self._say, to_another_mode=False)
            self._down()

    def _down(self) -> None:
        if self.supervisor.running():
            self.supervisor.shutdown()
        sweep(self.settings, SERVICES, self._say)
        private.remove(self.settings.run_dir, (*FILES, *launch.FILES, *render.FILES))

    def stop_monitoring(self) -> None:
        """Stop what start_monitoring starts; the supervisor too when it has nothing else to do."""
        with alone(self.settings):
            if not self.supervisor.running():
                sweep(self.settings, MONITORING, self._say)
                return
            states = self.supervisor.states()
            for name in [name for name in MONITORING if name in states]:
                self.supervisor.stop(name)
            if all(state["statename"] == "STOPPED" for state in self.supervisor.states().values()):
                self._down()
