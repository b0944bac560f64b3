"""Whether a port can be had, and if not, who holds it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

from scripts.stack.errors import StackError
from scripts.stack.modes import ALL_PORTS
from scripts.stack.settings import HOST


def require_free(service: str, port: int, host: str = HOST) -> None:
    """StackError with port, service, holder and the variable that changes it, when the port is taken."""
    variable = ALL_PORTS[service][0]
    with socket.socket() as probe:
        # macOS lets one bind to loopback beside a listener on all addresses: ask whether somebody answers.
        if probe.connect_ex((HOST, port)) == 0:
            raise StackError(
                f"{service} wants port {port}, which {holder(port)} holds. "
                f"Stop that, or choose another port with {variable}."
            )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(
                f"{service} cannot listen on {host}:{port} ({error.strerror}). "
                f"Choose another port with {variable}."
            ) from error


def holder(port: int) -> str:
    """`name (process 123)` of the port's owner, or `another process` if the system hides it."""
    with contextlib.suppress(OSError, ValueError):
        pid = _from_proc(port) if Path("/proc/net/tcp").exists() else _from_lsof(port)
        if pid is not None:
            return f"{command_of(pid)[:80]!r} (process {pid})"
    return "another process"


def command_of(pid: int) -> str:
    """The command line of a process, its parts joined by blanks; "" without such a process."""
    proc = Path("/proc") / str(pid) / "cmdline"
    if proc.parent.parent.joinpath("self").exists():
        with contextlib.suppress(OSError):
            return os.fsdecode(proc.read_bytes().rstrip(b"\0").replace(b"\0", b" "))
        return ""
    done = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _from_proc(port: int) -> int | None:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            inodes |= {
                row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port
            }
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in wanted:
                return int(link.parts[2])
    return None


def _from_lsof(port: int) -> int | None:
    if shutil.which("lsof") is None:
        return None
    done = subprocess.run(
        ["lsof", "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"], capture_output=True, text=True, check=False
    )
    return int(done.stdout.split()[0]) if done.stdout.strip() else None
