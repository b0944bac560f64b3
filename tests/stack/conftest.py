"""A cache, a PATH and a download server of the test's own."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from support.http_server import http_server
from support.own_stack import environment

from scripts.stack.manifest import Program, detect, programs
from scripts.stack.settings import StackSettings
from scripts.stack.stack import Stack

collect_ignore = [] if sys.platform == "linux" else ["test_compose_runs.py"]  # namespaces are Linux's own
FAKE = '#!/bin/sh\necho "{name}, version {version} (branch: test)"\n'


class Mirror:
    """A local HTTP server in the layout of REVIEWLENS_DOWNLOAD_BASE."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def publish(self, program: Program, content: dict[str, str] | None = None, *, flat: bool = False) -> Path:
        """Put an archive and its checksum list where the release is looked for; answers the archive.

        `flat` is an archive without a top folder.
        """
        version, target = program.versions[0], detect()
        words = {"version": version, "os": target.os, "arch": target.arch}
        archive = self.folder / program.name / program.release.archive.format(**words)
        archive.parent.mkdir(parents=True, exist_ok=True)
        files = content or {tool: FAKE.format(name=tool, version=version) for tool in program.tools}
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name if flat else f"{program.name}-{version}/{name}")
                member.size, member.mode = len(text), 0o755
                tar.addfile(member, io.BytesIO(text.encode()))
        sums = self.folder / program.name / program.release.sums.format(**words)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        sums.write_text(f"{'0' * 64}  another-file.tar.gz\n{digest}  {archive.name}\n")
        return archive


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; PATH holds `tmp_path/bin` alone, so no program of this machine is found."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cache" / "reviewlens" / "bin"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A download server, set as REVIEWLENS_DOWNLOAD_BASE. It has nothing until something is published."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with http_server(partial(_Files, directory=str(folder))) as url:
        monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", url)
        yield Mirror(folder, url)


@pytest.fixture
def prometheus_program() -> Program:
    """The manifest's entry for Prometheus."""
    return programs()["prometheus"]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack that is not started yet, and is down when the test ends. Its path is short, for the socket."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        for name, value in environment(Path(folder)).items():
            monkeypatch.setenv(name, value)
        stack = Stack(StackSettings.from_env(dict(os.environ)), lambda _: None)
        yield stack
        stack.down()
