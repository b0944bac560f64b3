"""The parts of the package way that can be told without a mirror."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.stack.debian import mirror_of, unpack_package
from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import DebianPackage
from scripts.stack.relocate import relocate, show_libraries

INDEXES = """\
'http://tools.example/apt/dists/tools-bookworm/InRelease' tools.example_InRelease 0
'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_InRelease 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_Packages 0
'http://mirror.example/debian-security/dists/bookworm-security/InRelease' security_InRelease 0
"""
READS = "/usr/share/program/templates"
READER = '#!/bin/sh\ncat "/usr/share/program/templates/default.tmpl" && echo "$1"\n'


def test_the_mirror_is_the_one_that_serves_the_systems_own_suite() -> None:
    """Neither a security archive nor somebody's tools are taken for Debian's archive."""
    assert mirror_of(INDEXES, "bookworm") == "http://mirror.example/debian"
    assert mirror_of(INDEXES, "trixie") is None


# Reads no index, and is content with that, as apt-get is without a network; then it knows no package.
APT = """#!/bin/sh
case "$*" in
  *update) echo "W: Failed to fetch http://me:s3cret@mirror.example/debian/InRelease  No such host" >&2 ;;
  *) echo "E: Unable to locate package prometheus" >&2; exit 100 ;;
esac
"""


def test_a_mirror_that_cannot_be_reached_is_told_and_no_missing_package(cache: Path) -> None:
    """apt-get's own last word is that there is no such package."""
    for name, text in (("apt-get", APT), ("apt-config", "#!/bin/sh\n"), ("dpkg", "#!/bin/sh\n")):
        program = cache.parents[2] / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    with pytest.raises(WayFailedError) as error:
        unpack_package(DebianPackage("system", ("prometheus",)), cache)
    assert str(error.value) == "http://mirror.example/.../InRelease cannot be reached (No such host)"


def unpacked(home: Path, text: str) -> Path:
    (home / READS[1:]).mkdir(parents=True)
    (home / READS[1:] / "default.tmpl").write_text("the package's own file\n")
    program = home / "usr/bin/reader"
    program.parent.mkdir(parents=True)
    program.write_text(text)
    program.chmod(0o755)
    return program


def test_an_unpacked_program_finds_its_files_wherever_it_lies(tmp_path: Path) -> None:
    """The launcher works from any folder and passes its arguments on; the program keeps its length."""
    program = unpacked(tmp_path / "a home", READER)
    relocate(READS, tmp_path / "a home")
    answer = subprocess.check_output([tmp_path / "a home" / "reader", "an argument"], cwd="/", text=True)
    assert answer == "the package's own file\nan argument\n"
    assert len(program.read_text()) == len(READER)


def test_a_program_that_does_not_read_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    """It gets no launcher: what is cached is the package's own file."""
    program = unpacked(tmp_path, "#!/bin/sh\n")
    relocate(READS, tmp_path)
    assert not (tmp_path / "reader").exists()
    assert program.read_text() == "#!/bin/sh\n"


def test_a_package_without_the_folder_is_refused(tmp_path: Path) -> None:
    """A package that was built otherwise is not changed blindly."""
    with pytest.raises(WayFailedError, match="is not in the package"):
        relocate(READS, tmp_path)


def test_a_program_is_shown_the_libraries_that_came_with_it(tmp_path: Path) -> None:
    """And those that it was shown before; never the folder it is called from, as an empty entry would."""
    unpacked(tmp_path, '#!/bin/sh\necho "$LD_LIBRARY_PATH" "$1"\n')
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    show_libraries(tmp_path)
    for before, after in (({}, ""), ({"LD_LIBRARY_PATH": "/before"}, ":/before")):
        answer = subprocess.check_output([tmp_path / "reader", "an argument"], env=before, text=True)
        assert answer == f"{libraries}{after} an argument\n"
