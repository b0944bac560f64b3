"""`python -m scripts.releases`: Pythons with telemetry's oldest and newest supported packages.

They live in the cache. requirements.oldest and requirements.newest pin these packages; requirements.lock the
others. `--renew` writes requirements.newest: the newest releases within the ranges of pyproject.toml.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import lock as locking
from scripts.stack.cache import Say, cache_folder, lock, silent
from scripts.stack.errors import StackError, UnavailableError

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
AGES = {age: ROOT / f"requirements.{age}" for age in ("oldest", "newest")}
_HEAD = """\
# The newest releases within the ranges of pyproject.toml of what telemetry/ runs on, and of what they
# bring along where the lock has another. Written by scripts/newest.sh; what it does not name is as locked.
"""
_PINNED = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))?(?: \\)?$", re.MULTILINE
)
# These pin one another, so each age brings its own.
_FAMILY = "opentelemetry-"


def pins(file: Path) -> dict[str, str]:
    """Package -> version of a requirements file, for this Python."""
    return {
        canonicalize_name(found["name"]): found["version"]
        for found in _PINNED.finditer(file.read_text(encoding="utf-8"))
        if not found["marker"] or Marker(found["marker"]).evaluate()
    }


def python(age: str, say: Say = silent) -> Path:
    """The interpreter with one age's set; built where it is new. UnavailableError where it cannot be."""
    wanted, rest = _lines(pins(AGES[age])), _lines(_rest(age))
    with lock(age, say):
        home = cache_folder() / f"{age}-{_fingerprint(wanted + rest)}"
        if not home.exists():
            say(f"{age}: installing the {age} packages that telemetry/ runs on")
            _build(age, home, wanted, rest)
    return home / "bin" / "python"


def _rest(age: str) -> dict[str, str]:
    named = pins(AGES[age])
    locked = pins(LOCK).items()
    return {name: version for name, version in locked if name not in named and not name.startswith(_FAMILY)}


def _lines(versions: dict[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _fingerprint(lines: list[str]) -> str:
    asked = "\n".join([sys.version, sysconfig.get_platform(), *lines])
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def _build(age: str, home: Path, wanted: list[str], rest: list[str]) -> None:
    """Build beside the place, then move there. Its own scripts would name the old place: use `-m`."""
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache_folder()) as scratch:
        fresh, constraints = Path(scratch) / "venv", Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join(rest), encoding="utf-8")
        for command in _commands(fresh, constraints, wanted):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                told = (done.stderr or done.stdout or "no reason given").strip().splitlines()[-1]
                raise UnavailableError(f"{age}: {' '.join(command[1:4])} failed: {told}")
        fresh.rename(home)


def _commands(fresh: Path, constraints: Path, wanted: list[str]) -> Iterator[list[str]]:
    yield [sys.executable, "-m", "venv", str(fresh)]
    own = [str(fresh / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    yield [*own, "--constraint", str(constraints), *wanted]


def renew() -> None:
    """Write requirements.newest: the packages of requirements.oldest, at their newest."""
    names = pins(AGES["oldest"]).keys()
    ranges = [line.strip().strip('",') for line in (ROOT / "pyproject.toml").read_text("utf-8").splitlines()]
    asked = [line for line in ranges if re.match(r"[\w-]+(\[\w+\])?>=", line) and _name(line) in names]
    with tempfile.TemporaryDirectory() as scratch:
        wanted, found = Path(scratch) / "wanted.in", Path(scratch) / "found.txt"
        wanted.write_text("\n".join([*asked, *names - {_name(line) for line in asked}]), encoding="utf-8")
        locking.compile_pins(found, [wanted, "--no-annotate", "--upgrade"])
        locked = {tuple(one.groups()) for one in _PINNED.finditer(LOCK.read_text(encoding="utf-8"))}
        lines = [
            one[0].removesuffix(" \\")
            for one in _PINNED.finditer(found.read_text(encoding="utf-8"))
            if canonicalize_name(one["name"]) in names or tuple(one.groups()) not in locked
        ]
    AGES["newest"].write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def main(arguments: list[str]) -> None:
    """Build them, and print where they are; or renew."""
    try:
        if arguments == ["--renew"]:
            renew()
        else:
            print(*(python(age, print) for age in AGES), sep="\n")
    except StackError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
