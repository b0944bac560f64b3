"""What a container engine does before it starts a process, in the namespaces that `unshare` has made.

Runs as a program of its own, with the path of a JSON file that containers.py has written. This machine's
programs and libraries are there, read-only; all else is a root folder of the container's own, and the mounts.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SYSTEM = ("bin", "lib", "lib32", "lib64", "sbin", "usr")
ETC = (
    "group",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "pip.conf",
    "resolv.conf",
    "ssl",
)


def main(spec: dict[str, Any]) -> None:
    root = Path(spec["root"])
    _network(spec)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    _system(root)
    for path, text in spec["files"].items():
        _under(root, path).write_text(text)
    for path in spec["tmpfs"]:
        _under(root, path).mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", _under(root, path))
    for source, target, read_only in spec["binds"]:
        _bind(Path(source), _under(root, target), read_only)
    _under(root, spec["cwd"]).mkdir(parents=True, exist_ok=True)
    if spec["read_only"]:
        _mount("-o", "remount,ro,bind", root)
    socket.sethostname(spec["hostname"])
    os.chroot(root)
    os.chdir(spec["cwd"])
    os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606


def _network(spec: dict[str, Any]) -> None:
    """Wait for the cable that the machine plugs in, and take the address."""
    if not spec["address"]:
        return
    Path(spec["ready"]).touch()
    while "eth0" not in {name for _, name in socket.if_nameindex()}:
        time.sleep(0.01)
    for words in ("link set lo up", f"addr add {spec['address']} dev eth0", "link set eth0 up"):
        subprocess.run(["ip", *words.split()], check=True)


def _system(root: Path) -> None:
    for name in SYSTEM:
        source, target = Path("/") / name, root / name
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_dir():
            _bind(source, target, read_only=True)
    for name in ETC:
        if (Path("/etc") / name).exists():
            _bind((Path("/etc") / name).resolve(), root / "etc" / name, read_only=True)
    (root / "proc").mkdir()
    _mount("-t", "proc", "proc", root / "proc")
    (root / "dev").mkdir()
    _mount("--rbind", "/dev", root / "dev")


def _under(root: Path, path: str) -> Path:
    where = root / path.lstrip("/")
    where.parent.mkdir(parents=True, exist_ok=True)
    return where


def _bind(source: Path, target: Path, read_only: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount("--bind", source, target)
    if read_only:
        _mount("-o", "remount,ro,bind", target)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
