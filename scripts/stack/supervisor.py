"""The one supervisor: a supervisord with its configuration and socket in the run folder.

Every script and make target goes through it, so nothing restarts what another stops.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from xmlrpc.client import Fault

from scripts.stack import launch, private, rpc
from scripts.stack.environment import RUN_DIR
from scripts.stack.errors import StackError
from scripts.stack.private import UMASK
from scripts.stack.services import Service
from scripts.stack.settings import StackSettings

STOP_SECONDS = 40
"""As in docker-compose.yml: a verdict may take 25 s, the last push 5 s."""
_ANSWER_SECONDS = 15
_CONF = "supervisord.conf"
FILES = (_CONF, "supervisord.pid", "supervisor.sock")
"""All that a supervisor leaves in the run folder when it is killed, save logs."""


def configuration(names: Sequence[str]) -> str:
    """The text of supervisord.conf. It runs in its own folder, and all paths are relative to that."""
    user = "user = root\n" if os.geteuid() == 0 else ""
    head = f"""[supervisord]
logfile = logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = supervisord.pid
umask = {UMASK:03o}
identifier = reviewlens
{user}
[unix_http_server]
file = supervisor.sock
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(map(_section, names))


def _section(name: str) -> str:
    return f"""
[program:{name}]
command = /bin/sh {launch.FOLDER}/{name}.sh
autostart = false
autorestart = true
startsecs = 1
startretries = 10
stopsignal = TERM
stopwaitsecs = {STOP_SECONDS}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


class Supervisor:
    """supervisord of one run folder: started when needed, asked over its socket."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._log_starts: dict[str, int] = {}

    def _rpc(self, seconds: float = _ANSWER_SECONDS) -> Any:
        return rpc.supervisor(self._settings.socket, seconds)

    def running(self) -> bool:
        """Whether supervisord answers; StackError where it is there and hangs."""
        try:
            return bool(self._rpc().getState()["statename"] == "RUNNING")
        except OSError:
            return False

    def same(self, services: Sequence[Service]) -> bool:
        """Whether the running configuration is up to date for these services."""
        return launch.is_current(self._settings, services)

    def started_with(self) -> StackSettings:
        """The settings of the running stack, which may be others than this command's."""
        before = launch.launched(self._settings.run_dir)
        if before is None:
            return self._settings
        return StackSettings.from_env({**before.settings, RUN_DIR[0]: str(self._settings.run_dir)})

    def launch(self, services: Sequence[Service]) -> None:
        """Start supervisord with these services, none of them started yet."""
        run_dir = private.folder(self._settings.logs).parent
        launch.write(self._settings, services)
        private.write(run_dir / _CONF, configuration([service.name for service in services]))
        done = subprocess.run(
            # Isolated, so that nothing in the folder it runs in is taken for a module.
            [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", _CONF],
            cwd=run_dir,
            umask=UMASK,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode or not _until(self.running, 10):
            raise StackError(f"supervisord did not start: {(done.stdout + done.stderr).strip()[-500:]}")

    def states(self) -> dict[str, dict[str, Any]]:
        """Service -> what supervisor knows of it: statename, pid, start (Unix time), spawnerr."""
        return {info["name"]: info for info in self._rpc().getAllProcessInfo()}

    def start(self, service: str) -> None:
        """Start a service; whether it is ready is another question."""
        log = self._settings.log(service)
        self._log_starts[service] = log.stat().st_size if log.exists() else 0
        try:
            self._rpc().startProcess(service, False)
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"{service} cannot be started: {fault.faultString}") from fault

    def log_start(self, service: str) -> int:
        """The byte of its log at which this command has started a service."""
        return self._log_starts.get(service, 0)

    def stop(self, service: str) -> None:
        """SIGTERM, wait, and remove the PID file."""
        try:
            self._rpc(STOP_SECONDS + _ANSWER_SECONDS).stopProcess(service, True)
        except Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise StackError(f"{service} cannot be stopped: {fault.faultString}") from fault
        self._settings.pid_file(service).unlink(missing_ok=True)

    def shutdown(self) -> None:
        """Stop every service, then supervisord, and wait until it is gone."""
        self._rpc().shutdown()
        pid_file = self._settings.run_dir / "supervisord.pid"
        if not _until(lambda: not pid_file.exists() and not self.running(), STOP_SECONDS + 10):
            raise StackError(
                f"supervisord (see {pid_file}) does not end; its log is in {self._settings.logs}"
            )


def _until(condition: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
