"""scripts/binaries.yaml as typed, frozen entries."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.stack.errors import StackError

MANIFEST = Path(__file__).parent.parent / "binaries.yaml"
ROOT = MANIFEST.parents[1]
DOWNLOAD_BASE = "REVIEWLENS_DOWNLOAD_BASE"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """An operating system and a processor, by the names that releases use."""

    os: str
    arch: str

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"


@dataclass(frozen=True)
class Release:
    """The layout of an official release: archive and checksum list below one address."""

    base: str
    archive: str
    sums: str

    def urls(self, program: str, version: str, target: Platform) -> tuple[str, str]:
        """Addresses of the archive and of the list that holds its sha256."""
        base = self.base
        if mirror := os.environ.get(DOWNLOAD_BASE):
            base = f"{mirror.rstrip('/')}/{program}"
        words = {"version": version, "os": target.os, "arch": target.arch}
        return f"{base}/{self.archive.format(**words)}", f"{base}/{self.sums.format(**words)}"


@dataclass(frozen=True)
class DebianPackage:
    """Packages that carry a program, the suite they come from, the version series they hold (None: any)."""

    suite: str
    packages: tuple[str, ...]
    series: str | None = None
    reads: str | None = None
    """A folder that the programs were built to read; see relocate.py."""
    libraries: bool = False
    """Whether shared libraries come with it, which the programs are to be shown; see relocate.py."""


@dataclass(frozen=True)
class GoBuild:
    """How a program is built from Go modules: the folder with go.mod and go.sum, and which package of it."""

    version: str
    folder: str
    package: str
    minutes: int
    first: bool = False
    ocb: str | None = None
    """Version of the Collector Builder that writes the sources from the folder's builder.yaml."""
    tags: str = ""
    set: tuple[tuple[str, str], ...] = ()
    """Variables of the program that the linker sets."""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that define the build."""
        names = ("go.mod", "go.sum", *(("builder.yaml",) if self.ocb else ()))
        return tuple(ROOT / self.folder / name for name in names)

    def fingerprint(self) -> str:
        """What a kept build is known by: another version, option or dependency is another build."""
        digest = hashlib.sha256(repr(self).encode())
        for path in self.sources:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Program:
    """One program of the stack and every place where it can be had."""

    name: str
    versions: tuple[str, ...]
    without: str
    tools: dict[str, tuple[str, ...]]
    release: Release | None
    debian: tuple[DebianPackage, ...]
    minimum: str | None = None
    go: GoBuild | None = None

    @property
    def series(self) -> str:
        """Major and minor of the pinned version, such as 3.5."""
        return ".".join(self.versions[0].split(".")[:2])


def detect(system: str | None = None, machine: str | None = None) -> Platform:
    """This machine as a Target; StackError without a release for it."""
    found_os = (system or platform.system()).lower()
    found_machine = (machine or platform.machine()).lower()
    arch = _MACHINES.get(found_machine)
    if found_os not in {"linux", "darwin"} or arch is None:
        raise StackError(
            f"this machine is {found_os}/{found_machine}; the programs are released for Linux and macOS on "
            "amd64 and arm64. Put prometheus and alertmanager on PATH and run it again."
        )
    return Platform(found_os, arch)


@cache
def programs(path: Path = MANIFEST) -> dict[str, Program]:
    """Every program of the manifest by name."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _program(name, entry) for name, entry in data["programs"].items()}


def program_of(tool: str) -> Program:
    """The program that brings a command: promtool comes with prometheus."""
    for program in programs().values():
        if tool in program.tools:
            return program
    known = ", ".join(tool for program in programs().values() for tool in program.tools)
    raise StackError(f"no program brings {tool!r}; known commands: {known}")


def is_of(version: str, series: str) -> bool:
    """Whether a version belongs to a series: 3.5.3 is of 3, 3.5 and 3.5.3, and not of 3.50."""
    wanted = series.split(".")
    return version.split(".")[: len(wanted)] == wanted


def as_numbers(version: str) -> tuple[int, ...]:
    """A dotted version as numbers, for comparing."""
    return tuple(int(part) for part in version.split("."))


def _program(name: str, entry: dict[str, Any]) -> Program:
    return Program(
        name=name,
        versions=tuple(entry["versions"]),
        without=entry["without"],
        tools={tool: tuple(names) for tool, names in entry["tools"].items()},
        release=Release(**entry["release"]) if "release" in entry else None,
        debian=tuple(DebianPackage(**{**row, "packages": tuple(row["packages"])}) for row in entry["debian"]),
        minimum=entry.get("minimum"),
        go=_go_build(entry["go"]) if "go" in entry else None,
    )


def _go_build(entry: dict[str, Any]) -> GoBuild:
    return GoBuild(**{**entry, "set": tuple(entry.get("set", {}).items())})
