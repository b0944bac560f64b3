"""Launch each service by a shell script, and record the stack's settings.

supervisord.conf holds no path and no value: its quoting cannot carry all of them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.stack import private
from scripts.stack.modes import SERVICES
from scripts.stack.services import Service
from scripts.stack.settings import ROOT, StackSettings

FOLDER = "launch"
_BEGAN = """if [ -r /proc/$$/stat ]; then
  boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
  stat=$(cat /proc/$$/stat)
  set -- ${stat##*) }
  echo "${boot%%-*}.${20}"
else
  ps -o lstart= -p $$ | tr -s ' :' '..'
fi"""
"""Prints when the script's process began, as telemetry.workers.process.began() says it."""
_RECORD = "stack.json"
FILES = (_RECORD, *(f"{FOLDER}/{service}.{kind}" for service in SERVICES for kind in ("sh", "began")))
"""All that `write` and its scripts make, below the run folder, but for the PID files."""


@dataclass(frozen=True)
class Launched:
    """What a stack was started with: `settings` as Settings.recorded has them, and commands by service."""

    settings: Mapping[str, str]
    commands: Mapping[str, Sequence[str]]


def write(settings: StackSettings, services: Sequence[Service]) -> None:
    """Write the scripts and the record into the run folder."""
    for service in services:
        private.write(settings.run_dir / FOLDER / f"{service.name}.sh", script(settings, service))
    private.write(settings.run_dir / _RECORD, _record(settings, services))


def script(settings: StackSettings, service: Service) -> str:
    """The shell script that becomes the service.

    Its PID file is true after every restart. Beside the script stands the time when that process began: a
    number alone may have a new owner.
    """
    pid_file = shlex.quote(str(settings.pid_file(service.name)))
    began = shlex.quote(str(_began_file(settings, service.name)))
    lines = [
        "#!/bin/sh",
        f"cd {shlex.quote(str(ROOT))} || exit 1",
        f"{_BEGAN} > {began}",
        f"echo $$ > {pid_file}.new && mv {pid_file}.new {pid_file}",
        *(f"export {name}={shlex.quote(value)}" for name, value in service.environment.items()),
        f"exec {shlex.join(service.command)}",
    ]
    return "\n".join(lines) + "\n"


def began(settings: StackSettings, service: str) -> str:
    """When the process in a service's PID file began; "" where nobody has written it."""
    path = _began_file(settings, service)
    return path.read_text().strip() if path.exists() else ""


def _began_file(settings: StackSettings, service: str) -> Path:
    return settings.run_dir / FOLDER / f"{service}.began"


def is_current(settings: StackSettings, services: Sequence[Service]) -> bool:
    """Whether the record is up to date for these services."""
    path = settings.run_dir / _RECORD
    return path.exists() and path.read_text() == _record(settings, services)


def launched(run_dir: Path) -> Launched | None:
    """The record; None without one."""
    path = run_dir / _RECORD
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    return Launched(record["settings"], {name: row["command"] for name, row in record["services"].items()})


def _record(settings: StackSettings, services: Sequence[Service]) -> str:
    """JSON, and no secret: keys reach the API through the environment alone."""
    rows = {
        service.name: {"command": service.command, "environment": dict(service.environment)}
        for service in services
    }
    return json.dumps({"settings": dict(settings.recorded), "services": rows}, indent=1) + "\n"
