"""`python -m scripts.oldest`: a Python with the oldest packages that telemetry/ runs on, in the user's cache.

Which they are stands in requirements.oldest; what it does not name is as in requirements.lock.
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
from packaging.utils import canonicalize_name

from scripts.stack.cache import Say, cache_folder, lock, silent
from scripts.stack.errors import StackError, UnavailableError

ROOT = Path(__file__).parents[1]
PINS = ROOT / "requirements.oldest"
LOCK = ROOT / "requirements.lock"
NAME = "oldest"
_PINNED = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))?(?: \\)?$", re.MULTILINE
)
# These pin one another, so the oldest bring their own.
_FAMILY = "opentelemetry-"


def pins(file: Path) -> dict[str, str]:
    """Package -> version of a requirements file, for this Python."""
    return {
        canonicalize_name(found["name"]): found["version"]
        for found in _PINNED.finditer(file.read_text(encoding="utf-8"))
        if not found["marker"] or Marker(found["marker"]).evaluate()
    }


def python(say: Say = silent) -> Path:
    """The interpreter of the oldest set; built where it is new. UnavailableError where it cannot be."""
    wanted, rest = _lines(pins(PINS)), _lines(_rest())
    with lock(NAME, say):
        home = cache_folder() / f"{NAME}-{_fingerprint(wanted + rest)}"
        if not home.exists():
            say(f"{NAME}: installing the oldest packages that telemetry/ runs on")
            _build(home, wanted, rest)
    return home / "bin" / "python"


def _rest() -> dict[str, str]:
    oldest = pins(PINS)
    locked = pins(LOCK).items()
    return {name: version for name, version in locked if name not in oldest and not name.startswith(_FAMILY)}


def _lines(versions: dict[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _fingerprint(lines: list[str]) -> str:
    asked = "\n".join([sys.version, sysconfig.get_platform(), *lines])
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def _build(home: Path, wanted: list[str], rest: list[str]) -> None:
    """Beside its place first, then moved there whole. Its own scripts would name the old place: use `-m`."""
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache_folder()) as scratch:
        fresh, constraints = Path(scratch) / "venv", Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join(rest), encoding="utf-8")
        for command in _commands(fresh, constraints, wanted):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                told = (done.stderr or done.stdout or "no reason given").strip().splitlines()[-1]
                raise UnavailableError(f"{NAME}: {' '.join(command[1:4])} failed: {told}")
        fresh.rename(home)


def _commands(fresh: Path, constraints: Path, wanted: list[str]) -> Iterator[list[str]]:
    yield [sys.executable, "-m", "venv", str(fresh)]
    own = [str(fresh / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    yield [*own, "--constraint", str(constraints), *wanted]


def main() -> None:
    """Build it, and print where it is."""
    try:
        print(python(print))
    except StackError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
