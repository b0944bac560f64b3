"""Obtain a program: from PATH, the cache, the official release, a build, a system package, in this order."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from scripts.stack import cache
from scripts.stack.cache import Found, Say, silent, version_of
from scripts.stack.debian import unpack_package
from scripts.stack.errors import UnavailableError, WayFailedError
from scripts.stack.go import build
from scripts.stack.manifest import (
    DOWNLOAD_BASE,
    GoBuild,
    Platform,
    Program,
    as_numbers,
    detect,
    is_of,
    program_of,
)
from scripts.stack.release import shown, unpack_release

Way = tuple[str, Callable[[Say], Found]]


def obtain(tool: str, version: str | None = None) -> Path:
    """The file of a command. `version` (2.42, 3.5.3) asks for exactly that; None takes the best fit."""
    program = program_of(tool)
    found = find(program, version)
    if tool not in found.tools:
        raise UnavailableError(f"{found} came without {tool}; put {tool} {found.version} on PATH")
    return found.tools[tool]


def find(program: Program, version: str | None = None, say: Say = silent, local: bool = False) -> Found:
    """The program by the first way that works. With `local` nothing is fetched.

    UnavailableError tells why each way failed, and the remedy.
    """
    target = detect()
    tried: dict[str, str] = {}
    here = list(_here(program, version, target))
    found = _first(here, say, tried)
    if found is None and not local:
        try:
            with cache.lock(f"{program.name}-{version or program.series}", say):
                # The one before us may have fetched it.
                found = _first([*here, *_fetching(program, version, target)], say, tried)
        except WayFailedError as error:  # no home
            tried["release into the cache"] = str(error)
        except OSError as error:  # it is read-only, or full
            why = f"{cache.cache_folder()} cannot be written ({error.strerror or error})"
            tried["release into the cache"] = f"{why}; XDG_CACHE_HOME names another folder"
    if found is None and version is None:
        found = _first([("cached, other version", lambda _: cache.cached(program, "", target))], say, tried)
    if found is not None:
        return found
    names = " or ".join(name for name in program.tools[program.name] if "/" not in name)
    advice = f"Put {names} on PATH, or set {DOWNLOAD_BASE} to a mirror of its releases, and retry."
    head = f"{program.name} {version or program.versions[0]} could not be had for {target}. Tried:"
    unavailable = UnavailableError(
        "\n".join([head, *(f"  {name}: {why}" for name, why in tried.items()), advice])
    )
    unavailable.why = "; ".join(
        why for name, why in tried.items() if name.startswith(("release", "package", "build "))
    )
    raise unavailable


def _first(ways: Iterable[Way], say: Say, tried: dict[str, str]) -> Found | None:
    """The result of the first way that works; earlier failures are added to `tried`."""
    for name, way in ways:
        try:
            return way(say)
        except WayFailedError as error:
            tried[name] = str(error)
    return None


def _here(program: Program, version: str | None, target: Platform) -> Iterator[Way]:
    """The ways without a fetch, best first. They need no lock: the cache moves complete programs in."""
    yield "on PATH", lambda _: _on_path(program, version)
    if (go := _build_of(program, version)) is not None:
        yield "built earlier", lambda _: cache.cached_build(program, go, target)
    yield "cached", lambda _: cache.cached(program, version or program.series, target)


def _fetching(program: Program, version: str | None, target: Platform) -> Iterator[Way]:
    """The ways that need a network: the release, then the system's packages."""
    series = version or program.series
    go = _build_of(program, version)
    if go is not None and go.first:
        yield "build with the Go on PATH", partial(_build, program, go, target, local=True)
    pinned = next((known for known in program.versions if is_of(known, series)), None)
    if pinned is not None and program.release is not None:
        url, _ = program.release.urls(program.name, pinned, target)
        unpack = partial(unpack_release, program.name, program.release, pinned, target)
        yield f"release {shown(url)}", partial(cache.keep, program, target, f"release {pinned}", unpack)
    if go is not None and not (go.first and _has_go()):
        yield f"build of {go.folder}", partial(_build, program, go, target, local=False)
    for package in program.debian:
        if version is None or (package.series and is_of(package.series, version)):
            name = f"package {package.packages[0]} of {package.suite}"
            yield name, partial(cache.keep, program, target, name, partial(unpack_package, package))


def _build_of(program: Program, version: str | None) -> GoBuild | None:
    """The program's build, if it makes the requested version."""
    go = program.go
    return go if go is not None and is_of(go.version, version or program.series) else None


def _has_go() -> bool:
    try:
        find(program_of("go"), local=True)
    except UnavailableError:
        return False
    return True


def _build(program: Program, go: GoBuild, target: Platform, say: Say, *, local: bool) -> Found:
    """Build with Go: `local` takes only an installed Go, otherwise a missing Go is fetched."""
    try:
        tool = find(program_of("go"), say=say, local=local)
    except UnavailableError as error:
        fetched = "" if local else ", and none could be fetched"
        raise WayFailedError(f"there is no Go of 1.25 or newer here{fetched}") from error
    name = program.tools[program.name][0]

    def make(into: Path) -> None:
        build(go, name, tool.path, target, into, say)

    return cache.keep(program, target, f"build of {go.folder}", make, say, build=go.fingerprint())


def _on_path(program: Program, version: str | None) -> Found:
    tools = {tool: Path(where) for tool, names in program.tools.items() if (where := _which(names))}
    if program.name not in tools:
        raise WayFailedError("not there")
    path = tools[program.name]
    actual = version_of(path)
    if version is not None and not is_of(actual, version):
        raise WayFailedError(f"{path} is {actual}, asked for {version}")
    if program.minimum and as_numbers(actual) < as_numbers(program.minimum):
        raise WayFailedError(f"{path} is {actual}, needed is {program.minimum} or newer")
    return Found(program.name, actual, f"on PATH, {path}", tools)


def _which(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)
