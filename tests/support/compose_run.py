"""A service of a compose file as a container of real programs: its command, environment, mounts and user.

What an image would bring stands here as data. Grafana cannot be had.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from support.compose import ComposeService, Mount
from support.containers import ROOT_USER, Container
from support.dockerfile import Image

from scripts.stack.binaries import obtain
from scripts.stack.flags import table

PATH = "/usr/bin:/bin"


@dataclass(frozen=True)
class ImageProgram:
    """What an image of somebody else starts, where, and as whom."""

    tool: str
    cwd: str = "/"


PROGRAMS = {
    "prom/prometheus": ImageProgram("prometheus", "/prometheus"),
    "prom/alertmanager": ImageProgram("alertmanager", "/alertmanager"),
    "otel/opentelemetry-collector-contrib": ImageProgram("otelcol"),
}


def container(service: ComposeService, volumes: Path, built: Image) -> Container:
    """The container that docker-compose would start; named volumes are folders below `volumes`."""
    name = service.image.partition(":")[0]
    made = _ours(service, built) if name == "reviewlens-api" else _others(service, PROGRAMS[name])
    mounts = [_backed(mount, volumes, made.user) for mount in service.mounts]
    return replace(
        made,
        mounts=[*made.mounts, *mounts],
        tmpfs=service.keys.get("tmpfs", ()),
        hostname=service.keys.get("hostname", service.name),
        hosts=service.hosts,
        read_only=service.keys["read_only"],
        confined=service.keys["cap_drop"] == ["ALL"],
    )


def _ours(service: ComposeService, built: Image) -> Container:
    argv = service.command or built.stage.command("CMD")
    env = {**built.env, **service.environment}
    return Container(argv, env, built.mounts, cwd=built.cwd, user=service.user or built.user)


def _others(service: ComposeService, program: ImageProgram) -> Container:
    path = obtain(program.tool, _series(service.image))
    home = Mount(str(path.parent), "/program", read_only=True)
    argv = [f"/program/{path.name}", *_understood(program.tool, path, service.command)]
    env = {"PATH": PATH, **service.environment}
    assert service.user, f"{service.name} would run as whoever its image says"
    return Container(argv, env, (home,), cwd=service.working_dir or program.cwd, user=service.user)


def _series(image: str) -> str:
    """prom/prometheus:v3.5.3 -> 3.5"""
    return ".".join(image.rpartition(":")[2].removeprefix("v").split(".")[:2])


def _understood(tool: str, path: Path, command: tuple[str, ...]) -> list[str]:
    """The command less what monitoring/flags.yaml says some builds lack, if this one does."""
    probed = [f"--{row['flag']}" for row in table().get(tool, ()) if row.get("probe")]
    shown = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    lacking = [flag for flag in probed if flag not in shown.stdout + shown.stderr]
    return [word for word in command if word.partition("=")[0] not in lacking]


def _backed(mount: Mount, volumes: Path, user: str) -> Mount:
    """A volume as a folder of whom its container runs as, which an engine copies from the image."""
    if mount.source.startswith("/"):
        return mount
    folder = volumes / mount.source
    if not folder.exists():
        folder.mkdir(parents=True)
        if ROOT_USER:
            os.chown(folder, *map(int, user.split(":")))
    return replace(mount, source=str(folder))


def replaced(mounts: Mapping[str, Path]) -> Callable[[ComposeService], ComposeService]:
    """Services with another file or folder of this machine behind a place in the container."""

    def with_others(service: ComposeService) -> ComposeService:
        return replace(
            service,
            mounts=tuple(
                replace(mount, source=str(mounts.get(mount.target, mount.source))) for mount in service.mounts
            ),
        )

    return with_others
