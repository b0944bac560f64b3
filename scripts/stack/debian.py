"""The Debian package, unpacked and not installed: needs no root, starts no service, touches no system file.

apt gets a source list and a state folder of its own. The mirror comes from the system's own configuration.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import DebianPackage
from scripts.stack.release import shown
from scripts.stack.relocate import relocate, show_libraries
from telemetry.secrets import cleaned

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OS_RELEASE = Path("/etc/os-release")
SYSTEM = "system"
_INDEX = re.compile(r"^'(?P<mirror>\S+?)/dists/(?P<suite>[^/']+)/InRelease'", re.MULTILINE)

_UNREAD = re.compile(r"^W: Failed to fetch (?P<url>\S+)\s+(?P<why>.+)", re.MULTILINE)


def unpack_package(package: DebianPackage, into: Path) -> None:
    """Put the packages' files below `into` as they would lie below /; WayFailedError says what apt said."""
    for tool in ("apt-get", "apt-config", "dpkg"):
        if shutil.which(tool) is None:
            raise WayFailedError(f"{tool} is not on this system")
    with tempfile.TemporaryDirectory(prefix="reviewlens-apt-") as scratch:
        apt = _Apt(Path(scratch))
        if package.suite != SYSTEM:
            apt.use_suite(package.suite)
        said = apt.run("update")
        try:
            apt.run("download", *package.packages)
        except WayFailedError as error:
            raise WayFailedError(unread(said) or str(error)) from error
        for deb in sorted(apt.downloads.glob("*.deb")):
            _run(["dpkg", "-x", str(deb), str(into)])
    if package.reads:
        relocate(package.reads, into)
    if package.libraries:
        show_libraries(into)


def mirror_of(indexes: str, codename: str) -> str | None:
    """The mirror of the system's own suite, from the addresses of `apt-get update`."""
    for match in _INDEX.finditer(indexes):
        if match["suite"] == codename:
            return match["mirror"]
    return None


def unread(said: str) -> str:
    """The first index that `apt-get update` could not read without calling it an error, and the reason."""
    found = _UNREAD.search(said)
    return f"{shown(found['url'])} cannot be reached ({cleaned(found['why'])})" if found else ""


class _Apt:
    """apt-get with its own folders. Of the system's settings it keeps how to reach a mirror, and no hooks."""

    def __init__(self, scratch: Path) -> None:
        self.downloads = scratch / "downloads"
        for folder in ("lists/partial", "cache/archives/partial", "downloads"):
            (scratch / folder).mkdir(parents=True)
        self._scratch = scratch
        self._config = scratch / "apt.conf"
        reach = [line for line in _run(["apt-config", "dump"]).splitlines() if line.startswith("Acquire::")]
        self._config.write_text("\n".join([*reach, *self._settings()]) + "\n")

    def _settings(self) -> list[str]:
        settings = {
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::main": "/dev/null",
            "Dir::State::lists": f"{self._scratch}/lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": f"{self._scratch}/cache",
            "APT::Sandbox::User": _user(),
            "Acquire::Languages": "none",
            "Acquire::Retries": "1",
            "Acquire::http::Timeout": "10",
            "Acquire::https::Timeout": "10",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        return [f'{key} "{value}";' for key, value in settings.items()]

    def use_suite(self, suite: str) -> None:
        """Read one suite of Debian's archive in place of the system's sources."""
        system = dict(line.split("=", 1) for line in OS_RELEASE.read_text().splitlines() if "=" in line)
        if system.get("ID") != "debian":
            raise WayFailedError(f"this is not a Debian system, so it has no mirror of suite {suite}")
        codename = system.get("VERSION_CODENAME", "").strip('"')
        mirror = mirror_of(self.run("update", "--print-uris"), codename)
        if mirror is None:
            raise WayFailedError(f"apt's sources name no mirror for {codename}, so there is none for {suite}")
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        source = self._scratch / "sources.list"
        source.write_text(f"deb {signed}{mirror} {suite} main\n")
        with self._config.open("a") as config:
            config.write(f'Dir::Etc::sourcelist "{source}";\nDir::Etc::sourceparts "/dev/null";\n')

    def run(self, *arguments: str) -> str:
        """What apt-get prints; WayFailedError with its own words when it fails."""
        return _run(["apt-get", "-q", *arguments], APT_CONFIG=str(self._config), cwd=self.downloads)


def _run(command: list[str], cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("E:", "dpkg"))]
        raise WayFailedError(f"{' '.join(command[:3])}: {'; '.join(said[:2]) or done.stderr.strip()[-200:]}")
    return done.stdout + done.stderr


def _user() -> str:
    """The user of apt's downloads. As root it would change to a user without access to our folders."""
    return "root" if os.geteuid() == 0 else ""
