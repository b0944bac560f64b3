"""The one supervisor: a supervisord with its configuration and socket in the run folder.

Every script and make target goes through it, so nothing restarts what another stops.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from scripts.stack.environment import RUN_DIR
from scripts.stack.errors import StackError
from scripts.stack.services import Service
from scripts.stack.settings import ROOT, Settings

STOP_SECONDS = 20
# The shell becomes the program, so the PID file is true after every restart.
_LAUNCH = 'echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$@"'
_SECTION = "program:"


def configuration(settings: Settings, services: Sequence[Service]) -> str:
    """The text of supervisord.conf. Holds no secret: keys reach the API through the environment alone."""
    run = settings.run_dir
    user = "user = root\n" if os.geteuid() == 0 else ""
    head = f"""; settings {json.dumps(settings.recorded)}
[supervisord]
logfile = {run}/logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {run}/supervisord.pid
directory = {ROOT}
identifier = reviewlens
{user}
[unix_http_server]
file = {settings.socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    return head.replace("%", "%%") + "".join(_section(settings, service) for service in services)


def _section(settings: Settings, service: Service) -> str:
    launch = ["/bin/sh", "-c", _LAUNCH, str(settings.pid_file(service.name)), *service.command]
    environment = ",".join(f'{name}="{value}"' for name, value in service.environment.items())
    return f"""
[{_SECTION}{service.name}]
command = {shlex.join(launch)}
directory = {ROOT}
environment = {environment}
autostart = false
autorestart = true
startsecs = 1
startretries = 10
stopsignal = TERM
stopwaitsecs = {STOP_SECONDS}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {settings.logs}/{service.name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
""".replace("%", "%%")


def commands(conf: Path) -> dict[str, list[str]]:
    """Service -> command, as a supervisord.conf has them; empty when there is none."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=None)
    parser.read(conf)
    sections = [name for name in parser.sections() if name.startswith(_SECTION)]
    launches = {name: shlex.split(parser[name]["command"].replace("%%", "%")) for name in sections}
    return {name[len(_SECTION) :]: launch[4:] for name, launch in launches.items()}


def recorded(conf: Path) -> dict[str, str] | None:
    """What a supervisord.conf says that its stack was started with; None when it does not say."""
    head = conf.read_text().partition("\n")[0] if conf.exists() else ""
    found = re.match(r"; settings (\{.*\})$", head.replace("%%", "%"))
    return json.loads(found[1]) if found else None


class Supervisor:
    """supervisord of one run folder: started when needed, asked over its socket."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.conf = settings.run_dir / "supervisord.conf"

    def _rpc(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._settings.socket}")
        return cast(Any, ServerProxy("http://127.0.0.1", transport=transport)).supervisor

    def running(self) -> bool:
        """Whether supervisord answers."""
        try:
            return bool(self._rpc().getState()["statename"] == "RUNNING")
        except OSError:
            return False

    def same(self, services: Sequence[Service]) -> bool:
        """Whether the running configuration is the one that these services would get."""
        return self.conf.exists() and self.conf.read_text() == configuration(self._settings, services)

    def started_with(self) -> Settings:
        """The settings of the running stack, which may be others than this command's."""
        told = recorded(self.conf)
        if told is None:
            return self._settings
        return Settings.from_env({**told, RUN_DIR[0]: str(self._settings.run_dir)})

    def launch(self, services: Sequence[Service]) -> None:
        """Start supervisord with these services, none of them started yet."""
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        self._settings.run_dir.chmod(0o700)
        self.conf.write_text(configuration(self._settings, services))
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.conf)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode or not _until(self.running, 10):
            raise StackError(f"supervisord did not start: {(done.stdout + done.stderr).strip()[-500:]}")

    def states(self) -> dict[str, dict[str, Any]]:
        """Service -> what supervisor knows of it: statename, pid, start (Unix time), spawnerr."""
        return {info["name"]: info for info in self._rpc().getAllProcessInfo()}

    def start(self, service: str) -> None:
        """Start a service; whether it is ready is another question."""
        try:
            self._rpc().startProcess(service, False)
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"{service} cannot be started: {fault.faultString}") from fault

    def stop(self, service: str) -> None:
        """SIGTERM, wait, and remove the PID file."""
        try:
            self._rpc().stopProcess(service, True)
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
