"""The actions on a running stack, with its own settings: status, restart, reload."""

from __future__ import annotations

import time

import httpx

from scripts.stack.cache import Say
from scripts.stack.environment import changes
from scripts.stack.errors import SettingsChangedError, StackError
from scripts.stack.health import is_ready, wait_ready
from scripts.stack.lock import alone
from scripts.stack.render import prometheus_config
from scripts.stack.services import Service, asked_port
from scripts.stack.settings import HOST, StackSettings
from scripts.stack.supervisor import Supervisor


class RunningStack:
    """What runs in the run folder of this command; StackError when nothing does."""

    def __init__(self, caller: StackSettings, say: Say) -> None:
        self.supervisor = Supervisor(caller)
        if not self.supervisor.running():
            raise StackError("nothing is running; start it with `make up`.")
        self.settings = self.supervisor.started_with()
        self._caller = caller
        self._say = say

    def status(self) -> list[tuple[str, str, str, str]]:
        """Rows of service, state, PID, address."""
        rows = []
        for name, info in self.supervisor.states().items():
            state = info["statename"].lower()
            if info["pid"]:
                health = "ready" if is_ready(self.service(name)) else "not ready"
                state = f"{health}, up {time.time() - info['start']:.0f} s"
            rows.append((name, state, str(info["pid"] or "-"), self.settings.url(name)))
        return rows

    def restart(self, name: str) -> None:
        """Stop a service, start it, wait until it is ready.

        It keeps what it was started with; SettingsChangedError when this command was given other values.
        """
        service = self.service(name)
        started, given = self.settings.recorded, self._caller.recorded
        if changed := changes(started, {**started, **given}):
            raise SettingsChangedError(f"settings changed ({', '.join(changed)}): run `make up`.")
        with alone(self.settings):
            self.supervisor.stop(name)
            self.supervisor.start(name)
            wait_ready(self.supervisor, self.settings, [service], self._say)
        if kept := sorted(set(started) - set(given)):
            self._say(f"  as it was started, with {', '.join(kept)}, which this shell does not set")

    def reload(self) -> None:
        """Let Prometheus and Alertmanager read their configuration again, without a restart."""
        prometheus_config(self.settings)
        for name in ("prometheus", "alertmanager"):
            try:
                answer = httpx.post(
                    f"http://{HOST}:{self.settings.ports[name]}/-/reload", timeout=30, trust_env=False
                )
            except httpx.HTTPError as error:
                raise StackError(
                    f"{name} does not answer ({error}); is it up? See scripts/status.sh"
                ) from error
            if answer.is_error:
                raise StackError(
                    f"{name} keeps its old configuration: {answer.text.strip()}. File and line: "
                    f"scripts/logs.sh {name}"
                )
            self._say(f"  {name} has read its configuration again")

    def service(self, name: str) -> Service:
        """A service of this stack; StackError lists the known ones."""
        known = self.supervisor.states()
        if name not in known:
            raise StackError(f"there is no service {name!r} here; there are {', '.join(known)}.")
        return Service(name, (), asked_port(self.settings, name))
