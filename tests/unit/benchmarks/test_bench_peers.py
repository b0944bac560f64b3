"""Peers: installed once and apart from a file of pins; where they cannot be had, pip's own words say why."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.part import LeftOutError

ABOUT = "Metadata-Version: 2.1\nName: a-peer\nVersion: 1.0\n"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that pip may ask, and a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def release(folder: Path, needs: str = "") -> Path:
    """A wheel, and the pins that name it."""
    wheel = folder / "a_peer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a_peer.py", "")
        archive.writestr("a_peer-1.0.dist-info/METADATA", ABOUT + needs)
        archive.writestr("a_peer-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("a_peer-1.0.dist-info/RECORD", "")
    pins = folder / "peers.txt"
    pins.write_text(f"a-peer==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return pins


@pytest.mark.process
def test_they_are_installed_once_and_apart(wheels: Path) -> None:
    """In the user's cache folder; a second run only finds them."""
    pins, said = release(wheels), list[str]()
    modules = peers.obtain(said.append, pins)
    assert modules.is_relative_to(wheels / "cache" / "reviewlens" / "peers")
    assert {path.name for path in modules.iterdir()} >= {"a_peer.py"}
    assert len(said) == 1
    assert peers.obtain(said.append, pins) == modules
    assert len(said) == 1


@pytest.mark.process
def test_what_cannot_be_had_is_told_in_words_of_pip(wheels: Path) -> None:
    """And nothing half is left in the cache."""
    pins = wheels / "peers.txt"
    pins.write_text(f"no-such-peer==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LeftOutError, match=r"pip install failed: ERROR: .*no-such-peer"):
        peers.obtain(lambda _: None, pins)
    assert list((wheels / "cache" / "reviewlens" / "peers").iterdir()) == []


@pytest.mark.process
def test_a_file_that_is_another_is_refused(wheels: Path) -> None:
    """The pins have hashes."""
    pins = release(wheels)
    pins.write_text(f"a-peer==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LeftOutError, match=r"pip install failed: ERROR: .*HASHES"):
        peers.obtain(lambda _: None, pins)


@pytest.mark.process
def test_peers_that_need_another_version_than_the_locked_are_refused(wheels: Path) -> None:
    """All contenders run on the same FastAPI, or they are not compared."""
    pins = release(wheels, "Requires-Dist: starlette<0.1\n")
    with pytest.raises(LeftOutError, match=r"pip check failed: a-peer 1.0 has requirement starlette<0.1"):
        peers.obtain(lambda _: None, pins)
