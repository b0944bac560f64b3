"""The test suite of opentelemetry-instrumentation-fastapi, with telemetry.instrument(app) on every app.

    python tests/peers/otel_fastapi/run.py [FOLDER]

It takes the suite from the source archive of the locked release, and what the suite imports
(opentelemetry-test-utils, of the same release) beside it; both go to FOLDER, a temporary one by default. The
suite runs once without us, and once for each order and with spans of ours or not. What fails then and did not
fail without us is printed; the exit code is 1 unless it stands in DIFFERS. On two cores it takes a minute.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[3]
SUITE = "opentelemetry-instrumentation-fastapi"
HELPERS = "opentelemetry-test-utils"
RUNS = {
    "ours first": {"PEER_OURS": "first"},
    "ours first, with spans": {"PEER_OURS": "first", "PEER_TRACES": "true"},
    "ours last": {"PEER_OURS": "last"},
    "ours last, with spans": {"PEER_OURS": "last", "PEER_TRACES": "true"},
}
DIFFERS: dict[str, str] = {}
"""Test -> why it fails with us and may. There is none."""
_OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) (\S+)", re.MULTILINE)


def obtain(folder: Path) -> Path:
    """The suite, unpacked; its imports are in `lib` beside it."""
    release = version(SUITE)
    pip = [sys.executable, "-m", "pip", "-q"]
    download = ["download", "--no-deps", "--no-binary", SUITE, "-d", str(folder), f"{SUITE}=={release}"]
    install = ["install", "--no-deps", "--target", str(folder / "lib"), f"{HELPERS}=={release}"]
    for command in (download, install):
        subprocess.run([*pip, *command], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def outcomes(suite: Path, setting: Mapping[str, str]) -> dict[str, str]:
    """Test -> PASSED, FAILED or ERROR."""
    path = os.pathsep.join(map(str, (suite.parent / "lib", ROOT / "tests", ROOT)))
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "peers.otel_fastapi.plugin", "--rootdir", str(suite), str(suite / "tests")],
        cwd=suite,
        env={**os.environ, "PYTHONPATH": path, **setting},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {test: outcome for outcome, test in _OUTCOME.findall(done.stdout)}
    if not found:
        raise SystemExit(done.stdout + done.stderr)
    return found


def main(folder: Path) -> int:
    """Run the suite in every way; the number of tests that fail because of us."""
    suite = obtain(folder)
    without = outcomes(suite, {"PEER_OURS": "none"})
    failing = {test for test, outcome in without.items() if outcome != "PASSED"}
    print(f"without us: {len(without)} ran, {len(failing)} failed")
    unknown = 0
    for name, setting in RUNS.items():
        now = outcomes(suite, setting)
        ours = {test for test in without if now.get(test) != "PASSED"} - failing
        print(f"{name}: {len(now)} ran, {len(ours)} failed because of us")
        for test in sorted(ours):
            print(f"  {test}: {DIFFERS.get(test, 'NO REASON GIVEN')}")
        unknown += len(ours - DIFFERS.keys())
    return unknown


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(bool(main(Path(sys.argv[1]))))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(bool(main(Path(made))))
