"""Other projects' test suites, from the archives of their releases, with and without our telemetry."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks import peers
from scripts.stack import cache

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
ARCHIVES = HERE / "archives.txt"
LOCK = ROOT / "requirements.lock"
SECONDS = 1500
_PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)

Outcomes = Mapping[str, str]
Way = Mapping[str, str]
"""How our telemetry gets into the applications: variables of the plugin."""

ALONE: Way = {}
FIRST: Way = {"PEERS_ORDER": "first"}
LAST: Way = {"PEERS_ORDER": "last"}
TRACES: Way = {"PEERS_TRACES": "true"}


@dataclass(frozen=True)
class Suite:
    """A project's tests: its name on the index, what its archive lacks, and which share runs by default."""

    project: str
    adds: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Path -> text of files that the tests need and the archive leaves out."""
    ways: tuple[Way, ...] = field(default=(FIRST,), hash=False)
    translation: Path | None = None
    """A folder of tests of our own that ask the same, where the release carries none."""
    share: float = 1.0
    """Of its test files, chosen by their names; all of them with PEERS_FULL=1."""

    def files(self, folder: Path) -> list[str]:
        """The test files to run."""
        share = 1.0 if os.environ.get("PEERS_FULL") else self.share
        found = (str(path.relative_to(folder)) for path in folder.glob("tests/**/test_*.py"))
        return sorted(name for name in found if _draw(name) < share)


SUITES = (
    Suite("starlette"),
    Suite("prometheus-fastapi-instrumentator", translation=HERE / "instrumentator"),
    Suite("starlette-exporter", adds={"tests/static/test.txt": "static\n"}),
    Suite(
        "opentelemetry-instrumentation-fastapi",
        ways=(FIRST, {**FIRST, **TRACES}, LAST, {**LAST, **TRACES}),
    ),
    Suite("fastapi", share=0.25),
)


def _draw(name: str) -> float:
    """A number from 0 to 1 that a name always draws."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 16**8


def versions(pins: Path) -> dict[str, str]:
    """Each project and its version."""
    return dict(_PINNED.findall(pins.read_text(encoding="utf-8")))


def differences(suite: Suite) -> dict[str, str]:
    """Tests that fail for our telemetry, each with the reason."""
    listed = yaml.safe_load((HERE / "differences.yaml").read_text(encoding="utf-8"))
    return dict(listed.get(suite.project) or {})


def obtain(suite: Suite) -> Path:
    """The folder of the tests: the unpacked archive, in the user's cache, or the translation."""
    if suite.translation:
        return suite.translation
    wanted = hashlib.sha256(ARCHIVES.read_bytes() + repr(suite.adds).encode()).hexdigest()[:12]
    home = cache.cache_folder().parent / "peers" / f"{suite.project}-{wanted}"
    with cache.lock(f"peer-{suite.project}"):
        if not home.exists():
            _unpack(suite, home)
    return home


def _unpack(suite: Suite, home: Path) -> None:
    """Whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".peers-", dir=home.parent) as scratch:
        fetch = ["--no-deps", "--no-binary", suite.project, "--require-hashes", "--dest", scratch]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *fetch, "--requirement", str(_pin(suite, Path(scratch)))], check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        folder = archive.with_name(archive.name.removesuffix(".tar.gz"))
        for name, text in suite.adds.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        folder.rename(home)


def _pin(suite: Suite, scratch: Path) -> Path:
    """The lines of one archive, as a file for pip."""
    lines = re.findall(rf"^{suite.project}==.*\n.*$", ARCHIVES.read_text(encoding="utf-8"), re.MULTILINE)
    pin = scratch / "pin.txt"
    pin.write_text("\n".join(lines), encoding="utf-8")
    return pin


def run(suite: Suite, way: Way, tests: Iterable[str] = ()) -> Outcomes:
    """Each test's outcome, by its id; `tests`: these only."""
    folder, modules = obtain(suite), peers.obtain(cache.silent, REQUIREMENTS)
    with tempfile.TemporaryDirectory(prefix="reviewlens-peers-") as scratch:
        told = Path(scratch) / "outcomes.json"
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST_"))},
            "PYTHONPATH": os.pathsep.join(map(str, (modules, HERE, ROOT))),
            "PEERS_OUTCOMES": str(told),
            **way,
            "TELEMETRY_STATE_DIR": scratch,
            "REVIEWLENS_STATE_DIR": scratch,
        }
        flags = ["-q", "-p", "plugin", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *flags, *(tests or suite.files(folder))],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if not told.exists():
            raise RuntimeError(
                f"{suite.project}: pytest ended early:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        outcomes: Outcomes = json.loads(told.read_text(encoding="utf-8"))
        return outcomes


def worse(alone: Outcomes, observed: Outcomes) -> set[str]:
    """The tests that do not fail alone, and fail, or are no longer there, where applications are observed."""
    return {test for test, outcome in alone.items() if outcome != "failed" and observed.get(test) != outcome}
