"""docker-compose itself, as Debian has it, and what it makes of the compose files. No engine is needed."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from support.servers import ROOT

from scripts.stack.cache import cache_folder, lock
from scripts.stack.debian import unpack_package
from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import DebianPackage

VERSIONS = ("1.29", "2.40")
FILES = ("docker-compose.yml", "docker-compose.monitoring.yml")
WITH_TOKEN = (
    "docker-compose.yml docker-compose.token.api.yml",
    "docker-compose.monitoring.yml docker-compose.token.yml",
)
PASSWORD = {"GRAFANA_ADMIN_PASSWORD": "not-a-secret"}

# Version 1 is Python, and no longer runs on a new one: it comes with the Python of its time.
_PYTHON = ["python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "python3-distutils"]
_LIBRARIES = ["libssl3", "libexpat1", "libffi8", "zlib1g"]
_MODULES = ["attr", "certifi", "chardet", "distro", "docker", "dockerpty", "docopt", "dotenv", "idna"]
_MODULES += [
    "jsonschema",
    "paramiko",
    "pyrsistent",
    "requests",
    "six",
    "texttable",
    "urllib3",
    "websocket",
    "yaml",
]
_PACKAGES = {
    "1.29": DebianPackage(
        "bookworm", ("docker-compose", *_PYTHON, *_LIBRARIES, *(f"python3-{name}" for name in _MODULES))
    ),
    "2.40": DebianPackage("forky", ("docker-compose",)),
}
_TAGS = {"1.29": "1.29.2", "2.40": "v2.40.3"}
RELEASES = "https://github.com/docker/compose/releases/download"
_LAUNCHERS = {
    "1.29": """#!/bin/sh
usr=$(cd "$(dirname "$0")" && pwd)/usr
export PYTHONHOME=$usr PYTHONPATH=$usr/lib/python3/dist-packages
LD_LIBRARY_PATH=$(echo "$usr"/lib/*-linux-gnu)
export LD_LIBRARY_PATH
exec "$usr/bin/python3.11" "$usr/bin/docker-compose" "$@"
""",
    "2.40": """#!/bin/sh
exec "$(dirname "$0")/usr/bin/docker-compose" "$@"
""",
}
_ALIKE = ["cap_drop", "container_name", "healthcheck", "hostname", "logging", "read_only", "restart"]
_ALIKE += ["security_opt", "stop_grace_period", "tmpfs"]
_SIZES = {"k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True)
class Mount:
    """A file or folder of this project (absolute), or a volume by its key, and where a container sees it."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class ComposeService:
    """One service, the same in whichever version has rendered it."""

    name: str
    image: str
    command: tuple[str, ...]
    environment: dict[str, str]
    mounts: tuple[Mount, ...]
    ports: tuple[tuple[str, int, int], ...]
    """(address, port of this machine, port of the container)"""
    hosts: dict[str, str]
    user: str | None
    working_dir: str | None
    memory: int
    keys: dict[str, Any]
    """What both versions render alike: restart, read_only, healthcheck, ..."""


def docker_compose(version: str) -> Path:
    """A real docker-compose: fetched once, and from the cache later."""
    home = cache_folder() / f"docker-compose-{version}"
    with lock(home.name):
        if not home.exists():
            with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache_folder()) as scratch:
                fresh = Path(scratch) / "fresh"
                fresh.mkdir()
                _fetch(version, fresh)
                fresh.rename(home)
    return home / "docker-compose"


def _fetch(version: str, into: Path) -> None:
    try:
        _package(version, into)
    except WayFailedError:
        _release(version, into)


def _package(version: str, into: Path) -> None:
    unpack_package(_PACKAGES[version], into)
    (into / "docker-compose").write_text(_LAUNCHERS[version])
    (into / "docker-compose").chmod(0o755)


def _release(version: str, into: Path) -> None:
    """The official program, for a system that is not Debian."""
    name = f"docker-compose-{platform.system()}-{platform.machine()}"
    url = f"{RELEASES}/{_TAGS[version]}/{name if version == '1.29' else name.lower()}"
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        sums, program = (client.get(url + suffix).raise_for_status() for suffix in (".sha256", ""))
    assert hashlib.sha256(program.content).hexdigest() == sums.text.split()[0], (
        f"{url} is not what was published"
    )
    (into / "docker-compose").write_bytes(program.content)
    (into / "docker-compose").chmod(0o755)


def config(version: str, file: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`docker-compose config` with these variables and no .env; `file` may be several, by blanks."""
    files = [word for name in file.split() for word in ("-f", ROOT / name)]
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "empty").touch()
        return subprocess.run(
            [docker_compose(version), f"--env-file={home}/empty", *files, "config"],
            env={"PATH": os.environ["PATH"], "HOME": home, **environ},
            capture_output=True,
            text=True,
            check=False,
        )


@cache
def rendered(file: str, version: str = "2.40") -> dict[str, Any]:
    """The whole of a compose file as docker-compose reads it."""
    done = config(version, file, **PASSWORD)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = yaml.safe_load(done.stdout)
    return data


@cache
def services(file: str, version: str = "2.40") -> dict[str, ComposeService]:
    """Every service of a compose file."""
    return {name: _service(name, row) for name, row in sorted(rendered(file, version)["services"].items())}


def _service(name: str, row: dict[str, Any]) -> ComposeService:
    build = row.get("build")
    return ComposeService(
        name=name,
        image=row["image"],
        command=tuple(row.get("command") or ()),
        environment=dict(row.get("environment") or {}),
        mounts=tuple(sorted(map(_mount, row.get("volumes", [])), key=lambda mount: mount.target)),
        ports=tuple(sorted(map(_port, row.get("ports", [])))),
        hosts=_hosts(row.get("extra_hosts", [])),
        user=row.get("user"),
        working_dir=row.get("working_dir"),
        memory=_bytes(str(row["mem_limit"])),
        keys={
            **{key: row[key] for key in _ALIKE if key in row},
            "depends_on": sorted(row.get("depends_on", [])),
            "build": build and build["context"],
        },
    )


def _mount(row: Any) -> Mount:
    if isinstance(row, str):
        source, target, mode = row.split(":")
        return Mount(source, target, mode == "ro")
    return Mount(row["source"], row["target"], row.get("read_only", False))


def _port(row: Any) -> tuple[str, int, int]:
    if isinstance(row, str):
        address, published, target = row.removesuffix("/tcp").split(":")
        return address, int(published), int(target)
    return row["host_ip"], int(row["published"]), int(row["target"])


def _hosts(rows: Any) -> dict[str, str]:
    if isinstance(rows, dict):
        return dict(rows)
    return dict(re.split("[:=]", row, maxsplit=1) for row in rows)


def _bytes(text: str) -> int:
    return int(text) if text.isdecimal() else int(text[:-1]) * _SIZES[text[-1]]
