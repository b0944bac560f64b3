"""The Dockerfile, read and followed without an engine: its steps run in namespaces, in folders of theirs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.compose import Mount
from support.containers import ROOT_USER, Container, run_once
from support.servers import ROOT

DOCKERFILE = ROOT / "Dockerfile"
IGNORED = ROOT / ".dockerignore"


@dataclass
class Stage:
    """One FROM and its steps."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def said(self, instruction: str) -> str:
        """What stands behind an instruction that is there once."""
        (words,) = [words for name, words in self.steps if name == instruction]
        return words

    def command(self, instruction: str) -> list[str]:
        """CMD, or the command of a HEALTHCHECK, in its exec form; a shell form is no JSON and raises."""
        words: list[str] = json.loads(re.sub(r"^.*?CMD (?=\[)", "", self.said(instruction)))
        return words


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile in their order."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    made: list[Stage] = []
    for line in filter(None, joined.splitlines()):
        instruction, words = line.split(maxsplit=1)
        if instruction == "FROM":
            base, _, name = words.partition(" AS ")
            made.append(Stage(base, name))
        else:
            made[-1].steps.append((instruction, words))
    return made


def is_sent(path: str, text: str) -> bool:
    """Whether .dockerignore lets a file of the project through: the last line that fits decides."""
    sent = True
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(f"{pattern}(/.*)?", path):
                sent = line.startswith("!")
    return sent


@dataclass(frozen=True)
class Image:
    """What a built image would hold: the mounts stand for its files."""

    stage: Stage
    env: dict[str, str]
    user: str
    cwd: str
    mounts: tuple[Mount, ...]


def build(folder: Path) -> Image:
    """Follow this project's Dockerfile, below `folder`. This machine's Python stands for the base image's."""
    python = folder / "python"
    subprocess.run([Path(sys.base_prefix) / "bin" / "python3", "-m", "venv", python], check=True)
    base = (_seen(Path(sys.base_prefix)), _seen(python))
    builder, final = stages(DOCKERFILE.read_text(encoding="utf-8"))
    path = f"{python}/bin:/usr/bin:/bin"
    for _ in _followed(builder, folder, base, path):
        pass
    env, user, cwd = {"PATH": path}, "0:0", "/"
    for instruction, words in _followed(final, folder, base, path):
        if instruction == "ENV":
            env |= _variables(words, env)
        user = words if instruction == "USER" else user
        cwd = words if instruction == "WORKDIR" else cwd
    programs = Mount(str(folder / "opt/reviewlens"), "/opt/reviewlens", read_only=True)
    return Image(final, env, user, cwd, (base[0], programs))


def _seen(path: Path) -> Mount:
    return Mount(str(path), str(path), read_only=True)


def _followed(stage: Stage, folder: Path, base: tuple[Mount, ...], path: str) -> Iterator[tuple[str, str]]:
    """The steps, each one done. /build, /opt and /var are kept from one step to the next."""
    layers = [Mount(str(folder / name), f"/{name}", read_only=False) for name in ("build", "opt", "var")]
    for layer in layers:
        Path(layer.source).mkdir(exist_ok=True)
    env = {**_network(), "PATH": path, "HOME": "/tmp"}  # noqa: S108 - of the container
    cwd = "/"
    for instruction, words in stage.steps:
        if instruction == "ENV":
            env |= _variables(words, env)
        elif instruction == "WORKDIR":
            cwd = words
        elif instruction == "COPY" and not words.startswith("--from"):
            _copy(words.split(), folder / cwd.lstrip("/"))
        elif instruction == "RUN" and (ROOT_USER or stage.name):  # only root can give files away
            wanted = Container(["sh", "-c", words], env, (*base, *layers), ["/tmp"], cwd)  # noqa: S108
            run_once(folder / "steps", wanted)
        yield instruction, words


def _copy(words: list[str], into: Path) -> None:
    *sources, target = words
    ignored = IGNORED.read_text(encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "-z", *sources],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [file for file in listed.stdout.split("\0") if file and is_sent(file, ignored)]
    assert files, f"COPY {words}: .dockerignore lets nothing of it through"
    for file in files:
        place = into / target / (file if len(sources) > 1 or file in sources else file.split("/", 1)[1])
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, place)


def _variables(words: str, known: dict[str, str]) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in words.split())
    return {name: re.sub(r"\$(\w+)", lambda found: known[found[1]], value) for name, value in pairs}


def _network() -> dict[str, str]:
    """What this machine says of the way to a package index; a builder has its own."""
    ours = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_")
    return {name: value for name, value in os.environ.items() if name.upper().startswith(ours)}
