"""The peers that are measured beside us: their own releases, in an environment apart that is made once.

It holds them alone. FastAPI, Starlette, uvicorn and OTel are this project's own, so that all contenders run
on the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.part import LeftOutError, Say
from scripts.stack import cache

PINS = Path(__file__).with_name("peers.txt")


def versions() -> dict[str, str]:
    """Each peer and its version."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", PINS.read_text(encoding="utf-8"), re.MULTILINE))


def obtain(say: Say, pins: Path = PINS) -> Path:
    """The folder that their modules are in. LeftOutError with pip's own words where they cannot be had."""
    wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = cache.cache_folder().parent / "peers" / wanted
    with cache.lock("peers", say):
        if not home.exists():
            say(f"installing {', '.join(versions())} into {home}")
            _install(pins, home)
    modules = next(home.glob("lib/python*/site-packages"))
    _fits(modules)
    return modules


def add_to_path(modules: Path) -> None:
    """For the processes that this one starts from now on."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (before, str(modules))))


def _install(pins: Path, home: Path) -> None:
    """Whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".peers-", dir=home.parent) as scratch:
        fresh = Path(scratch) / "venv"
        _run("venv", "--without-pip", str(fresh))
        only = ("--no-deps", "--require-hashes", "--ignore-installed", "--disable-pip-version-check")
        _run("pip", "install", "--quiet", *only, "--prefix", str(fresh), "--requirement", str(pins))
        shutil.move(fresh, home)


def _fits(modules: Path) -> None:
    """Whether what is locked is what they ask for."""
    _run("pip", "check", PYTHONPATH=str(modules))


def _run(module: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        words = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "no word")
        raise LeftOutError(f"{module} {arguments[0]} failed: {words}")
