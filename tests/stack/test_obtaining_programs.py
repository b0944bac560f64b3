"""Where a program comes from: order, checks, and what is left when a way fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.stack import binaries
from scripts.stack.binaries import find, obtain
from scripts.stack.cache import version_of
from scripts.stack.errors import StackError, UnavailableError, WayFailedError
from scripts.stack.manifest import DebianPackage, Platform, Program, detect, is_of, program_of, programs

FAKE = '#!/bin/sh\necho "prometheus, version {version} (branch: test)"\n'


def put_on_path(cache: Path, name: str, version: str) -> Path:
    path = cache.parents[2] / "bin" / name
    path.write_text(FAKE.format(version=version))
    path.chmod(0o755)
    return path


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_a_good_release_is_kept_whole(cache: Path, mirror, prometheus_program: Program) -> None:
    """The archive's tools run from the cache, and the archive itself is gone."""
    mirror.publish(prometheus_program)
    found = find(prometheus_program)
    home = cache / f"prometheus-{prometheus_program.versions[0]}-{detect()}"
    assert (found.version, found.source) == ("3.5.3", "cached release 3.5.3")
    assert found.tools == {"prometheus": home / "prometheus", "promtool": home / "promtool"}
    assert sorted(path.name for path in home.iterdir()) == ["about.json", "prometheus", "promtool"]


def test_a_tampered_release_is_refused_and_leaves_nothing(
    cache: Path, mirror, prometheus_program: Program
) -> None:
    """One byte more than was published: the message names both sums, the cache stays empty."""
    archive = mirror.publish(prometheus_program)
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(
        UnavailableError, match=r"has sha256 \w{64}, but .*sha256sums.txt says \w{64}: refused"
    ):
        find(prometheus_program)
    assert kept(cache) == []


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("place", "label"),
    [("/SECRET0123456789", "/.../prometheus/.../prometheus-3.5.3."), ("/a?key=SECRET", "/...: ")],
)
def test_a_mirror_is_shown_without_its_secrets(
    mirror, prometheus_program: Program, monkeypatch: pytest.MonkeyPatch, place: str, label: str
) -> None:
    """User information, a token in the path and a query; the archive's name stays."""
    own = mirror.url.replace("http://", "http://user:SECRET@")
    monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", own + place)
    with pytest.raises(UnavailableError) as error:
        find(prometheus_program)
    assert "SECRET" not in f"{error.value} {error.value.why}"
    assert f"release {mirror.url}{label}" in str(error.value)


def test_a_release_without_a_checksum_is_refused(cache: Path, mirror, prometheus_program: Program) -> None:
    """A list that does not name the archive is no proof of it."""
    archive = mirror.publish(prometheus_program)
    (archive.parent / "sha256sums.txt").write_text(f"{'0' * 64}  another-file.tar.gz\n")
    with pytest.raises(UnavailableError, match=r"has no sha256 for prometheus-3\.5\.3"):
        find(prometheus_program)
    assert kept(cache) == []


def test_a_checksum_file_may_hold_the_sum_alone(cache: Path, mirror, prometheus_program: Program) -> None:
    """Grafana publishes one sum without a name beside each archive."""
    archive = mirror.publish(prometheus_program)
    digest = (archive.parent / "sha256sums.txt").read_text().splitlines()[1].split()[0]
    (archive.parent / "sha256sums.txt").write_text(digest)
    assert find(prometheus_program).version == "3.5.3"


def test_a_file_that_climbs_out_of_the_archive_is_left_out(
    cache: Path, mirror, prometheus_program: Program
) -> None:
    """A path with .. is not written anywhere; the rest is taken."""
    script = FAKE.format(version="3.5.3")
    mirror.publish(prometheus_program, {"prometheus": script, "../../climbed": script})
    find(prometheus_program)
    assert not list(cache.parents[2].rglob("climbed"))


def test_a_release_that_does_not_run_is_not_kept(cache: Path, mirror, prometheus_program: Program) -> None:
    """A program for another processor, say: the next way is tried."""
    mirror.publish(prometheus_program, {"prometheus": "no program"})
    with pytest.raises(UnavailableError, match="does not run here"):
        find(prometheus_program)
    assert kept(cache) == []


def test_the_order_is_path_cache_release_package(
    cache: Path, mirror, prometheus_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way is used only when those before it have failed."""

    def unpack(package: DebianPackage, into: Path) -> None:
        if package.suite != "forky":
            raise WayFailedError("not asked")
        (into / "usr/bin").mkdir(parents=True)
        (into / "usr/bin/prometheus").write_text(FAKE.format(version="3.5.9"))
        (into / "usr/bin/prometheus").chmod(0o755)

    monkeypatch.setattr(binaries, "unpack_package", unpack)
    assert str(find(prometheus_program)) == "prometheus 3.5.9 (cached package prometheus of forky)"
    for folder in cache.glob("prometheus-*"):
        folder.rename(cache.parent / folder.name)
    mirror.publish(prometheus_program)
    assert find(prometheus_program).source == "cached release 3.5.3"
    mirror.publish(prometheus_program, {"prometheus": "would be refused now"})
    assert find(prometheus_program).source == "cached release 3.5.3"
    path = put_on_path(cache, "prometheus", "2.45.0")
    assert str(find(prometheus_program)) == f"prometheus 2.45.0 (on PATH, {path})"


def test_an_exact_version_is_never_replaced_by_another(
    cache: Path, mirror, prometheus_program: Program
) -> None:
    """Tests ask for 2.42 and 3.5; what is on PATH or in the cache in another version does not serve."""
    put_on_path(cache, "prometheus", "2.45.0")
    mirror.publish(prometheus_program)
    assert obtain("prometheus", "3.5").parent.name == f"prometheus-3.5.3-{detect()}"
    with pytest.raises(UnavailableError) as error:
        obtain("prometheus", "2.42")
    lines = str(error.value).splitlines()
    assert lines[0] == f"prometheus 2.42 could not be had for {detect()}. Tried:"
    assert lines[1].endswith("is 2.45.0, asked for 2.42")
    assert lines[3].endswith(" answered 404")
    assert lines[4] == "  package prometheus of bookworm: apt-get is not on this system"
    assert lines[5].startswith("Put prometheus on PATH, or set REVIEWLENS_DOWNLOAD_BASE")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian/sid)", "2.42.0"),
        ("go version go1.26.8 linux/amd64", "1.26.8"),
        ("Redis server v=7.0.15 sha=00000000:0", "7.0.15"),
        ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", "4.1.0"),
        ("wrk 4.2.0 [epoll] Copyright (C) 2012 Will Glozer", "4.2.0"),
    ],
)
def test_each_program_tells_its_version_in_its_own_words(cache: Path, said: str, version: str) -> None:
    """As they print it, and wrk with a code of failure."""
    program = put_on_path(cache, "a-program", "")
    program.write_text(f"#!/bin/sh\necho '{said}'\nexit 1\n")
    assert version_of(program) == version


def test_a_program_below_the_minimum_is_passed_over(cache: Path, mirror) -> None:
    """Alertmanager 0.25 (Debian 12) cannot read every secret from a file."""
    program = programs()["alertmanager"]
    put_on_path(cache, "prometheus-alertmanager", "0.25.0")
    mirror.publish(program)
    assert find(program).version == "0.33.1"


def test_without_a_network_the_answer_comes_fast(
    cache: Path, prometheus_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens: the message tells what was tried, and a stale copy of another version still serves."""
    monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", "http://127.0.0.1:9")
    with pytest.raises(
        UnavailableError, match=r"http://127\.0\.0\.1:9/prometheus/\.\.\./sha256sums\.txt cannot be reached"
    ):
        find(prometheus_program)
    old = replace(prometheus_program, versions=("2.45.0",))
    home = cache / f"prometheus-2.45.0-{detect()}"
    home.mkdir()
    (home / "about.json").write_text(
        '{"version": "2.45.0", "source": "release 2.45.0", "tools": {"prometheus": "prometheus"}}'
    )
    assert find(old).version == find(prometheus_program).version == "2.45.0"


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", Platform("linux", "amd64")),
        ("Linux", "aarch64", Platform("linux", "arm64")),
        ("Darwin", "arm64", Platform("darwin", "arm64")),
        ("Darwin", "x86_64", Platform("darwin", "amd64")),
    ],
)
def test_every_supported_machine_has_an_address_for_every_program(
    system: str, machine: str, expected: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names that uname gives become the names that releases use."""
    monkeypatch.delenv("REVIEWLENS_DOWNLOAD_BASE", raising=False)
    assert detect(system, machine) == expected
    for program in programs().values():
        if program.release is None:
            continue
        url, sums = program.release.urls(program.name, program.versions[0], expected)
        assert re.fullmatch(
            rf"https://.*{program.versions[0]}[._-]{expected.os}[_-]{expected.arch}\.tar\.gz", url
        )
        assert sums.startswith("https://")


def test_another_machine_is_told_what_is_supported() -> None:
    """No guess is made for a system that has no release."""
    with pytest.raises(StackError, match="this machine is freebsd/riscv64; the programs are released for"):
        detect("FreeBSD", "riscv64")


def test_an_unknown_command_is_told_what_is_known() -> None:
    """A typing error in a test or a script is named at once."""
    with pytest.raises(StackError, match="no program brings 'promtol'; known commands: prometheus, promtool"):
        program_of("promtol")


def test_a_series_is_compared_by_its_numbers() -> None:
    """3.50 is not of 3.5."""
    assert is_of("3.5.3", "3.5") and is_of("3.5.3", "3") and not is_of("3.50.0", "3.5")


@pytest.mark.parametrize("where", ["/proc/self/nowhere", "a file", "no home"])
def test_a_cache_that_cannot_be_written_is_one_more_way_that_failed(
    where: str, cache: Path, prometheus_program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only home, or none: told in a line, with what to do; no traceback."""
    if where == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("none")))
    else:
        (tmp_path / "a file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / where))
    with pytest.raises(UnavailableError) as failed:
        find(prometheus_program)
    assert re.search(r"(cannot be written|no home folder).*; XDG_CACHE_HOME names another", failed.value.why)
    assert "\n" not in failed.value.why
    assert str(failed.value).rpartition("\n")[2].startswith("Put prometheus on PATH, or set ")
