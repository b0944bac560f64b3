"""Let an unpacked program find its files below /usr without an installation.

Debian's builds take templates and pages from a fixed folder instead of carrying them. Go programs keep a
string with its length, so an equally long path replaces the folder's: an open descriptor and slashes.
"""

from __future__ import annotations

from pathlib import Path

from scripts.stack.errors import WayFailedError

_DESCRIPTOR = b"/proc/self/fd/9"
_LAUNCHER = """#!/bin/sh
# Opens the package's own copy of {folder} as descriptor 9, where the program now looks for it.
home=$(cd "$(dirname "$0")" && pwd) || exit 1
exec 9<"$home{folder}" && exec "$home/usr/bin/{name}" "$@"
"""
_WITH_LIBRARIES = """#!/bin/sh
# Shows the program the libraries that were unpacked beside it.
home=$(cd "$(dirname "$0")" && pwd) || exit 1
for folder in "$home"/usr/lib/*-linux-gnu*; do
  LD_LIBRARY_PATH=$folder${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
done
export LD_LIBRARY_PATH
exec "$home/usr/bin/{name}" "$@"
"""


def relocate(folder: str, home: Path) -> None:
    """Change every program of an unpacked package that reads `folder`; its launcher is put into `home`."""
    old = folder.encode()
    new = _DESCRIPTOR.ljust(len(old), b"/")
    if len(new) != len(old) or not (home / folder.lstrip("/")).is_dir():
        raise WayFailedError(f"{folder} is not in the package, or its name is too short to be replaced")
    for binary in sorted((home / "usr/bin").iterdir()):
        content = binary.read_bytes()
        if old not in content:
            continue
        binary.write_bytes(content.replace(old, new))
        _launch(home / binary.name, _LAUNCHER.format(folder=folder, name=binary.name))


def show_libraries(home: Path) -> None:
    """Put a launcher into `home` for every program of unpacked packages, which finds their libraries."""
    for binary in sorted((home / "usr/bin").iterdir()):
        _launch(home / binary.name, _WITH_LIBRARIES.format(name=binary.name))


def _launch(launcher: Path, text: str) -> None:
    launcher.write_text(text)
    launcher.chmod(0o755)
