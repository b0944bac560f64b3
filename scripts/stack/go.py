"""Build a program from Go modules, at the versions of a committed go.mod and go.sum.

Modules and compiled packages stay in Go's own caches, so that programs share them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.stack.cache import Say, lock, silent
from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import GoBuild, Platform

BUILDER = "go.opentelemetry.io/collector/cmd/builder"
NEEDED_GB = 3
REPORT_EVERY = 15.0
"""Seconds between two lines of progress."""
_NOISE = re.compile(r"go: (downloading|finding|upgraded|added) ")
_NETWORK = re.compile(r"dial tcp|lookup |proxyconnect|connection refused|i/o timeout|Forbidden|no such host")


def build(recipe: GoBuild, name: str, go: Path, target: Platform, into: Path, say: Say = silent) -> None:
    """Build `recipe` as `into/name`; WayFailedError names the lack: disk, network, a module."""
    run = _Go(go, target, say)
    with lock("go", say), TemporaryDirectory(prefix="reviewlens-go-") as scratch:
        run.require_space()
        say(f"{name} {recipe.version}: building from Go modules, at first about {recipe.minutes} minutes")
        sources = _sources(recipe, run, Path(scratch))
        flags = ["-v", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={_linked(recipe)}"]
        if recipe.tags:
            flags.append(f"-tags={recipe.tags}")
        run(["build", *flags, "-o", str(into / name), recipe.package], sources, name)


def _linked(recipe: GoBuild) -> str:
    """No symbol table and no debug data: a third of the size."""
    return " ".join(["-s -w", *(f"-X {variable}={value}" for variable, value in recipe.set)])


def _sources(recipe: GoBuild, go: _Go, scratch: Path) -> Path:
    """A folder with the sources to compile, at the committed versions."""
    for path in recipe.sources:
        shutil.copy(path, scratch)
    if recipe.ocb is None:
        return scratch
    written = ["--config=builder.yaml", "--skip-compilation", "--skip-get-modules"]
    go(["run", "-v", f"{BUILDER}@{recipe.ocb}", *written], scratch, "builder", native=True)
    for name in ("go.mod", "go.sum"):
        shutil.copy(scratch / name, scratch / "_build")
    return scratch / "_build"


class _Go:
    """The go command, with visible progress, and errors in one line."""

    def __init__(self, path: Path, target: Platform, say: Say) -> None:
        self._path = path
        self._environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
        self._target = {"GOOS": target.os, "GOARCH": target.arch}
        self._say = say

    def require_space(self) -> None:
        """Where Go compiles to must have room, or the error comes minutes later."""
        folder = Path(self._asked("GOCACHE"))
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free / 1e9
        if free < NEEDED_GB:
            raise WayFailedError(
                f"{folder} has {free:.1f} GB free, a build needs {NEEDED_GB} GB; set GOCACHE"
            )

    def __call__(self, arguments: Sequence[str], folder: Path, name: str, native: bool = False) -> None:
        environment = {**self._environment, **({} if native else self._target)}
        seen = _Seen(lambda text: self._say(f"  {name}: {text}"))
        with subprocess.Popen(
            ["nice", str(self._path), *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None  # noqa: S101  a pipe, as asked for
            for line in process.stderr:
                seen(line.strip())
        if process.returncode:
            raise WayFailedError(_failure(arguments[0], seen.errors))

    def _asked(self, variable: str) -> str:
        done = subprocess.run([self._path, "env", variable], capture_output=True, text=True, check=False)
        return done.stdout.strip() or str(Path.home())


class _Seen:
    """What `go build -v` prints: modules as they come, packages as they are compiled, and errors."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.errors: list[str] = []
        self._say = say
        self._modules = self._packages = 0
        self._start = self._reported = time.monotonic()

    def __call__(self, line: str) -> None:
        if _NOISE.match(line):
            self._modules += 1
        elif re.fullmatch(r"[\w./~-]+", line):
            self._packages += 1
        elif line:
            self.errors.append(line)
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY:
            self._reported = now
            took = f"{now - self._start:.0f} s"
            self._say(f"{self._modules} modules fetched, {self._packages} packages compiled, {took}")


def _failure(action: str, errors: Sequence[str]) -> str:
    """The end of Go's message, and the remedy for a network error."""
    text = " ".join("; ".join(errors[-3:]).split())[-400:]
    if _NETWORK.search(text):
        return f"go {action}: a module cannot be fetched ({text}); GOPROXY names another proxy"
    return f"go {action} failed: {text or 'it said nothing'}"
