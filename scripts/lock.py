"""`scripts/lock.sh`: write the files of pinned dependencies, from their declared ranges.

requirements.lock from pyproject.toml; for other projects' suites, tests/peers/requirements.txt from its .in
file, and tests/peers/archives.txt. Pins that still fit stay; --upgrade takes the newest releases.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.stack.cache import cache_folder, lock

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PEERS = ROOT / "tests" / "peers"
UV = "uv==0.13.9"
OLDEST_PYTHON = "3.10"
_PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


def main(upgrade: Sequence[str]) -> None:
    """Write all three."""
    before = LOCK.read_text(encoding="utf-8")
    compile_pins(LOCK, [ROOT / "pyproject.toml", "--all-extras", *upgrade])
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text(_without_hashes(LOCK), encoding="utf-8")
        more = Path(scratch) / "more.txt"
        more.write_text((PEERS / "requirements.txt").read_text(encoding="utf-8"), encoding="utf-8")
        compile_pins(
            more, [PEERS / "requirements.in", "--constraint", constraints, "--no-annotate", *upgrade]
        )
        (PEERS / "requirements.txt").write_text("".join(_beyond(LOCK, more)), encoding="utf-8")
        (PEERS / "archives.txt").write_text(_archives(Path(scratch)), encoding="utf-8")
    print(f"{LOCK.name}: {'as it was' if before == LOCK.read_text(encoding='utf-8') else 'changed'}")


def compile_pins(target: Path, words: Sequence[str | Path]) -> None:
    how = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-header", "--quiet"]
    _run(_uv(), "pip", "compile", *how, "--output-file", target, *words)


def _uv() -> Path:
    home = cache_folder() / UV
    with lock("uv"):
        if not (home / "bin" / "uv").exists():
            _run(sys.executable, "-m", "venv", home)
            _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", UV)
    return home / "bin" / "uv"


def _without_hashes(file: Path) -> str:
    lines = (line.removesuffix(" \\") for line in file.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if _PIN.match(line))


def _beyond(known: Path, file: Path) -> Iterator[str]:
    """The lines of what `known` does not pin."""
    names = {name for name, _ in _PIN.findall(known.read_text(encoding="utf-8"))}
    keeps = False
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if pin := _PIN.match(line):
            keeps = pin[1] not in names
        if keeps:
            yield line


def _archives(scratch: Path) -> str:
    """Each suite's source archive at the version that is pinned by now, with its hash."""
    file = PEERS / "archives.txt"
    text = file.read_text(encoding="utf-8")
    pinned = dict(_PIN.findall(_without_hashes(PEERS / "requirements.txt") + "\n" + _without_hashes(LOCK)))
    lines = [text.splitlines()[0]]
    for project, _ in _PIN.findall(text):
        place, asked = scratch / project, f"{project}=={pinned[project]}"
        fetch = ["download", "--quiet", "--no-deps", "--no-binary", project, "--dest", place, asked]
        _run(sys.executable, "-m", "pip", *fetch)
        (archive,) = place.glob("*.tar.gz")
        output = _run(sys.executable, "-m", "pip", "hash", archive)
        lines += [f"{asked} \\", f"    {output.splitlines()[-1].strip()}"]
    return "\n".join(lines) + "\n"


def _run(*words: str | Path) -> str:
    done = subprocess.run([*map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, words[:4]))} failed (see above)")
    return done.stdout


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - {"--upgrade"}:
        sys.exit(f"error: {' '.join(sorted(unknown))}: expected nothing, or --upgrade")
    main(sys.argv[1:])
