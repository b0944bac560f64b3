"""Obtain a program: from PATH, the cache, the official release, or a system package, in this order."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.stack.debian import unpack_package
from scripts.stack.errors import UnavailableError, WayFailedError
from scripts.stack.manifest import DOWNLOAD_BASE, Program, Target, as_numbers, detect, is_of, program_of
from scripts.stack.release import unpack_release

_VERSION = re.compile(r"version v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class Found:
    """A program that runs on this machine: where its commands are, its version, where it came from."""

    program: str
    version: str
    source: str
    tools: dict[str, Path]
    """Command -> file. Always holds the program itself."""

    @property
    def path(self) -> Path:
        """The program itself."""
        return self.tools[self.program]

    def __str__(self) -> str:
        return f"{self.program} {self.version} ({self.source})"


Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


def obtain(tool: str, version: str | None = None) -> Path:
    """The file of a command. `version` (2.42, 3.5.3) asks for exactly that; None takes what fits best."""
    program = program_of(tool)
    found = find(program, version)
    if tool not in found.tools:
        raise UnavailableError(f"{found} came without {tool}; put {tool} {found.version} on PATH")
    return found.tools[tool]


def find(program: Program, version: str | None = None, say: Say = silent) -> Found:
    """The program by the first way that works; UnavailableError tells why each way failed and what to do."""
    target = detect()
    tried: list[str] = []
    for way, attempt in _ways(program, version, target):
        try:
            with _lock(program):
                found = attempt(say)
        except WayFailedError as error:
            tried.append(f"  {way}: {error}")
            continue
        return found
    wanted = version or program.versions[0]
    lines = [f"{program.name} {wanted} could not be had for {target}. Tried:", *tried]
    lines.append(
        f"Put {program.name} on PATH, or set {DOWNLOAD_BASE} to a mirror of its releases, and retry."
    )
    raise UnavailableError("\n".join(lines))


def _ways(
    program: Program, version: str | None, target: Target
) -> Iterator[tuple[str, Callable[[Say], Found]]]:
    """Every way of obtaining a program, best first."""
    series = version or program.series
    yield "on PATH", lambda _: _on_path(program, version)
    yield "cached", lambda _: _cached(program, series, target)
    pinned = next((known for known in program.versions if is_of(known, series)), None)
    if pinned is not None:
        url, _ = program.release.urls(program.name, pinned, target)
        yield (
            f"release {url}",
            lambda say: _keep(
                program, target, "release", lambda into: unpack_release(program, pinned, target, into), say
            ),
        )
    for package in program.debian:
        if version is None or (package.series and is_of(package.series, version)):
            label = f"package {package.packages[0]} of {package.suite}"
            yield (
                label,
                lambda say, package=package, label=label: _keep(  # type: ignore[misc]
                    program, target, label, lambda into: unpack_package(package, into), say
                ),
            )
    if version is None:
        yield "cached, other version", lambda _: _cached(program, "", target)


def _on_path(program: Program, version: str | None) -> Found:
    tools = {tool: Path(path) for tool, names in program.tools.items() if (path := _which(names))}
    if program.name not in tools:
        raise WayFailedError("not there")
    actual = version_of(tools[program.name])
    if version is not None and not is_of(actual, version):
        raise WayFailedError(f"{tools[program.name]} is {actual}, asked for {version}")
    if program.minimum and as_numbers(actual) < as_numbers(program.minimum):
        raise WayFailedError(f"{tools[program.name]} is {actual}, needed is {program.minimum} or newer")
    return Found(program.name, actual, f"PATH, {tools[program.name]}", tools)


def _which(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def _cached(program: Program, series: str, target: Target) -> Found:
    """The newest of a series ("" is any) that an earlier run has kept."""
    kept = []
    for folder in cache_folder().glob(f"{program.name}-*-{target}"):
        version = folder.name[len(program.name) + 1 : -len(str(target)) - 1]
        if not series or is_of(version, series):
            kept.append((as_numbers(version), folder))
    if not kept:
        raise WayFailedError(f"none in {cache_folder()}")
    return _read(program, max(kept)[1])


def _keep(program: Program, target: Target, source: str, unpack: Callable[[Path], None], say: Say) -> Found:
    """Unpack beside the cache, see that it runs, then move it in whole: half a program is never found."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache_folder()) as scratch:
        fresh = Path(scratch) / "program"
        fresh.mkdir()
        say(f"{program.name}: obtaining ({source})")
        unpack(fresh)
        tools = {tool: path for tool, names in program.tools.items() if (path := _inside(fresh, names))}
        if program.name not in tools:
            raise WayFailedError(f"what came holds no {program.name}")
        version = version_of(tools[program.name])
        about = {
            "version": version,
            "source": source,
            "tools": {tool: str(path.relative_to(fresh)) for tool, path in tools.items()},
        }
        (fresh / "about.json").write_text(json.dumps(about, indent=2))
        home = cache_folder() / f"{program.name}-{version}-{target}"
        if not home.exists():
            fresh.rename(home)
    return _read(program, home)


def _inside(folder: Path, names: tuple[str, ...]) -> Path | None:
    """A command in an unpacked release (top or bin/) or an unpacked package (usr/bin/)."""
    places = (folder / place / name for name in names for place in (".", "usr/bin"))
    return next((path for path in places if path.is_file()), None)


def _read(program: Program, home: Path) -> Found:
    about = json.loads((home / "about.json").read_text())
    tools = {tool: home / path for tool, path in about["tools"].items()}
    return Found(program.name, about["version"], f"cache, from {about['source']}", tools)


def version_of(path: Path) -> str:
    """What a program says its version is; WayFailedError when it does not run here."""
    try:
        done = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WayFailedError(f"{path} does not run here ({error})") from error
    match = _VERSION.search(done.stdout + done.stderr)
    if match is None:
        raise WayFailedError(
            f"{path} --version says no version: {(done.stdout + done.stderr).strip()[:100]!r}"
        )
    return match[1]


def cache_folder() -> Path:
    """Where programs are kept, for all clones of one user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "reviewlens" / "bin"


@contextmanager
def _lock(program: Program) -> Iterator[None]:
    """One process at a time obtains a program; the next one finds it in the cache."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f".{program.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
