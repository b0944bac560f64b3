"""Programs that are built from Go modules, by a `go` of the test's own: when, how often, what is said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from scripts.stack import go
from scripts.stack.binaries import find
from scripts.stack.cache import lock
from scripts.stack.errors import UnavailableError
from scripts.stack.manifest import GoBuild, Program, detect, programs

GO = """#!/bin/sh
case "$1" in
version) echo "go version go{version} test/test" ;;
env) echo "{folder}" ;;
run) /bin/mkdir -p _build && echo "$@" >>{calls} ;;
build)
  echo "$@" >>{calls}
  {build}
  while [ "$1" != -o ]; do shift; done
  printf '#!/bin/sh\\necho "otelcol version 0.155.0"\\n' >"$2"
  /bin/chmod 755 "$2"
  ;;
esac
"""
OFFLINE = 'echo "go: x.example/y@v1.0.0: dial tcp: lookup proxy.example: no such host" >&2; exit 1'


class FakeGo(NamedTuple):
    """A `go` that writes a program which tells a version, and notes what it was asked."""

    folder: Path

    def put(self, version: str = "1.26.8", build: str = "/bin/sleep 0.2") -> None:
        calls = self.folder / "calls"
        text = GO.format(version=version, folder=self.folder, calls=calls, build=build)
        (self.folder / "bin" / "go").write_text(text)
        (self.folder / "bin" / "go").chmod(0o755)

    def builds(self) -> list[list[str]]:
        calls = self.folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line.split() for line in lines if line.startswith("build ")]


@pytest.fixture
def fake_go(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGo]:
    """PATH with this go alone; nothing can be fetched."""
    monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", "http://127.0.0.1:9")
    (tmp_path / "bin" / "nice").symlink_to(shutil.which("nice", path="/usr/bin:/bin") or "")
    yield FakeGo(tmp_path)


@pytest.fixture
def collector(tmp_path: Path) -> Program:
    """The collector's entry, with a folder of its own for the sources."""
    program = programs()["otelcol"]
    assert program.go is not None
    sources = tmp_path / "sources"
    sources.mkdir()
    for path in program.go.sources:
        shutil.copy(path, sources)
    return replace(program, go=replace(program.go, folder=str(sources)))


def recipe(program: Program) -> GoBuild:
    assert program.go is not None
    return program.go


def test_a_program_is_built_once_and_found_later(fake_go: FakeGo, collector: Program) -> None:
    """Read-only modules, no paths of this machine, no debug data; the second run builds nothing."""
    fake_go.put()
    said: list[str] = []
    found = find(collector, say=said.append)
    assert found.path.parent.name == f"otelcol-0.155.0-{detect()}+{recipe(collector).fingerprint()}"
    assert said == [
        f"otelcol: trying the build of {recipe(collector).folder}",
        "otelcol-reviewlens 0.155.0: building from Go modules, at first about 3 minutes",
    ]
    assert find(collector) == found
    (build,) = fake_go.builds()
    assert {"-mod=readonly", "-trimpath", "-ldflags=-s"} <= set(build)
    assert build[-1] == "."


def test_prometheus_is_built_with_its_tags_and_version(fake_go: FakeGo) -> None:
    """The linker writes the version that `obtain` compares; the official release is tried before."""
    fake_go.put()
    said: list[str] = []
    find(programs()["prometheus"], "3.12", say=said.append)
    assert said[0] == "prometheus: trying the release 3.12.0"
    (build,) = fake_go.builds()
    assert "-tags=remove_all_sd" in build
    assert "github.com/prometheus/common/version.Version=3.12.0" in build
    assert build[-1] == "github.com/prometheus/prometheus/cmd/prometheus"


@pytest.mark.parametrize("name", ["builder.yaml", "go.mod", "go.sum"])
def test_a_changed_manifest_is_another_build(fake_go: FakeGo, collector: Program, name: str) -> None:
    """Whatever decides on the content is in the name of what is kept; the old one stays for other clones."""
    fake_go.put()
    first = find(collector)
    with (Path(recipe(collector).folder) / name).open("a") as file:
        file.write("\n")
    second = find(collector)
    assert second.path != first.path
    assert first.path.exists()
    assert len(fake_go.builds()) == 2


def test_two_at_once_build_once(fake_go: FakeGo, collector: Program) -> None:
    """The one who comes second waits, says so, and finds what the first has built."""
    fake_go.put()
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: find(collector, say=said.append), range(2)))
    assert found[0] == found[1]
    assert len(fake_go.builds()) == 1
    assert "otelcol-0.155: another process is at it, waiting for its end" in said


def test_what_is_there_waits_for_no_build(cache: Path, mirror) -> None:
    """A build of one version takes minutes; who asks for another goes on at once."""
    program = programs()["prometheus"]
    mirror.publish(program)
    kept = find(program, "3.5")
    with lock("prometheus-3.12"), lock("prometheus-3.5"):
        assert find(program, "3.5") == kept


def test_without_a_module_proxy_the_message_says_so(fake_go: FakeGo, collector: Program, cache: Path) -> None:
    """One line of Go's words and what to do; nothing half-built is kept."""
    fake_go.put(build=OFFLINE)
    with pytest.raises(
        UnavailableError, match=r"a module cannot be fetched \(go: x\.example/y@v1\.0\.0: .*GOPROXY"
    ):
        find(collector)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_what_does_not_compile_is_told_with_the_last_lines(fake_go: FakeGo, collector: Program) -> None:
    """The compiler's own words, without the names of the packages that went well."""
    fake_go.put(build="echo x.example/fine >&2; echo 'main.go:7: undefined: x' >&2; exit 1")
    with pytest.raises(UnavailableError, match=r"go build failed: main\.go:7: undefined: x\n"):
        find(collector)
    assert len(fake_go.builds()) == 1


def test_a_full_disk_is_told_before_the_work(
    fake_go: FakeGo, collector: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes of compiling end in an error otherwise."""
    fake_go.put()
    usage = shutil.disk_usage(fake_go.folder)._replace(free=10**9)
    monkeypatch.setattr(go.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UnavailableError, match=r"has 1\.0 GB free, a build needs 3 GB; set GOCACHE"):
        find(collector)
    assert fake_go.builds() == []


@pytest.mark.parametrize("version", [None, "1.19.8"])
def test_without_go_the_official_release_is_taken(
    cache: Path,
    mirror,
    collector: Program,
    fake_go: FakeGo,
    version: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No Go, or one that is too old: contrib's archive, which has no top folder, checked and unpacked."""
    if version:
        fake_go.put(version)
    monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", mirror.url)
    script = '#!/bin/sh\necho "otelcol-contrib version 0.155.0"\n'
    archive = mirror.publish(collector, {"README.md": "", "otelcol-contrib": script}, flat=True)
    assert archive.name.startswith("otelcol-contrib_0.155.0_")
    assert str(find(collector)) == "otelcol 0.155.0 (cached release 0.155.0)"
    shutil.rmtree(next(path for path in cache.iterdir() if path.is_dir()))
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(UnavailableError, match="refused, nothing was kept"):
        find(collector)


def test_go_itself_is_fetched_where_it_is_missing(
    mirror, collector: Program, fake_go: FakeGo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last resort: no release of the program, but one of Go, checked as every release is."""
    monkeypatch.setenv("REVIEWLENS_DOWNLOAD_BASE", mirror.url)
    fake_go.put()
    script = (fake_go.folder / "bin" / "go").read_text()
    (fake_go.folder / "bin" / "go").unlink()
    mirror.publish(programs()["go"], {"bin/go": script})
    assert str(find(collector)).startswith("otelcol 0.155.0 (cached build of ")
    assert (cache / f"go-1.26.8-{detect()}" / "bin" / "go").exists()


def test_the_committed_modules_are_those_of_the_manifest() -> None:
    """go.mod wins over builder.yaml where they differ, so they must not."""
    folder = recipe(programs()["otelcol"]).sources[0].parent
    manifest = yaml.safe_load((folder / "builder.yaml").read_text(encoding="utf-8"))
    required = dict(re.findall(r"^\t(\S+) (v\S+)$", (folder / "go.mod").read_text(), re.MULTILINE))
    parts = ("receivers", "processors", "exporters", "extensions", "providers")
    wanted = dict(entry["gomod"].split() for part in parts for entry in manifest[part])
    assert {module: required.get(module) for module in wanted} == wanted
    assert manifest["dist"]["version"] == recipe(programs()["otelcol"]).version


def test_the_committed_prometheus_is_the_version_that_is_asked_for() -> None:
    """Prometheus 3.12.0 is module v0.312.0."""
    build = recipe(programs()["prometheus"])
    major, minor, patch = map(int, build.version.split("."))
    assert f"github.com/prometheus/prometheus v0.{major}{minor:02}.{patch}" in build.sources[0].read_text()
    assert dict(build.set) == {"github.com/prometheus/common/version.Version": build.version}
