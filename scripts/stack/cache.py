"""Fetched programs in the user's cache folder, each complete or absent."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import GoBuild, Platform, Program, as_numbers, is_of
from telemetry import private

_VERSION = re.compile(r"(?:version (?:v|go)?|v=|^wrk (?:debian/)?)(\d+\.\d+(?:\.\d+)?)", re.MULTILINE)
Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


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


def cache_folder() -> Path:
    """Where programs are kept, for all clones of one user. WayFailedError where this user has no home."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise WayFailedError("this user has no home folder; XDG_CACHE_HOME names another") from error
    return base / "reviewlens" / "bin"


@contextmanager
def lock(name: str, say: Say = silent) -> Iterator[None]:
    """One process at a time works on this name; for a program, the next one finds it in the cache."""
    private.folder(cache_folder())  # its content is run as this user
    with (cache_folder() / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another process is at it, waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cached(program: Program, series: str, target: Platform) -> Found:
    """The newest of a series ("" is any) that an earlier run has kept."""
    kept = []
    for folder in cache_folder().glob(f"{program.name}-*-{target}"):
        version = folder.name[len(program.name) + 1 : -len(str(target)) - 1]
        if not series or is_of(version, series):
            kept.append((as_numbers(version), folder))
    if not kept:
        raise WayFailedError(f"none in {cache_folder()}")
    return _read(program, max(kept)[1])


def cached_build(program: Program, go: GoBuild, target: Platform) -> Found:
    """What an earlier run has built from the very same sources."""
    home = _home(program, go.version, target, go.fingerprint())
    if not home.exists():
        raise WayFailedError(f"no build of {go.folder} as it is now in {cache_folder()}")
    return _read(program, home)


def _home(program: Program, version: str, target: Platform, build: str = "") -> Path:
    """The folder of one program. A build's does not look like a version's: only its own sources find it."""
    return cache_folder() / (f"{program.name}-{version}-{target}" + (f"+{build}" if build else ""))


def keep(
    program: Program,
    target: Platform,
    source: str,
    unpack: Callable[[Path], None],
    say: Say,
    *,
    build: str = "",
) -> Found:
    """Unpack beside the cache, try the program, then move it in: no half program is ever found.

    `build` is the fingerprint of a build made here.
    """
    say(f"{program.name}: trying the {source}")
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache_folder()) as scratch:
        fresh = Path(scratch) / "program"
        fresh.mkdir()
        unpack(fresh)
        tools = {tool: path for tool, names in program.tools.items() if (path := _inside(fresh, names))}
        if program.name not in tools:
            raise WayFailedError(f"what came holds no {program.name}")
        version = version_of(tools[program.name])
        files = {tool: str(path.relative_to(fresh)) for tool, path in tools.items()}
        about = {"version": version, "source": source, "tools": files}
        (fresh / "about.json").write_text(json.dumps(about, indent=2))
        home = _home(program, version, target, build)
        if not home.exists():
            fresh.rename(home)
    return _read(program, home)


def version_of(path: Path) -> str:
    """What a program says its version is; WayFailedError when it does not run here."""
    ask = ["version"] if path.name == "go" else ["--version"]
    try:
        done = subprocess.run([str(path), *ask], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WayFailedError(f"{path} does not run here ({error})") from error
    match = _VERSION.search(done.stdout + done.stderr)
    if match is None:
        raise WayFailedError(f"{path} {ask[0]} says no version: {(done.stdout + done.stderr)[:100]!r}")
    return match[1]


def _inside(folder: Path, names: tuple[str, ...]) -> Path | None:
    """A command in an unpacked release (at the top) or an unpacked package (launcher, or usr/bin/)."""
    places = (folder / place / name for name in names for place in (".", "usr/bin"))
    return next((path for path in places if path.is_file()), None)


def _read(program: Program, home: Path) -> Found:
    about = json.loads((home / "about.json").read_text())
    tools = {tool: home / path for tool, path in about["tools"].items()}
    return Found(program.name, about["version"], f"cached {about['source']}", tools)
