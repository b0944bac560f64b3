"""Processes with what a container gives them, and no container engine: the kernel's own namespaces.

with machine() as host:
    with host.container("web", Container(argv=..., ...)) as web:
        web.get("/")  # through a published port

Each container has a root folder, a network with one address on the machine's bridge, a host name, and is
process 1. The machine's network is private as well: ports that are taken on the real one do not matter. Needs
Linux, and root or user namespaces.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.compose import Mount
from support.servers import stop, wait_for

HERE = Path(__file__).parent
NETWORK = "172.30.77"
BRIDGE = f"ip link add br0 type bridge; ip addr add {NETWORK}.1/24 dev br0; ip link set br0 up"
ROOT_USER = os.geteuid() == 0
_UNSHARE = [
    "unshare",
    "--net",
    "--mount",
    "--uts",
    "--pid",
    "--fork",
    "--kill-child",
    "--propagation=private",
]
_CONFINED = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]


@dataclass(frozen=True)
class Container:
    """What to run, and what it sees."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    tmpfs: Sequence[str] = ()
    cwd: str = "/"
    user: str = "0:0"
    hostname: str = "container"
    hosts: Mapping[str, str] = field(default_factory=dict)
    """`extra_hosts`; host-gateway is the machine's own address."""
    read_only: bool = False
    confined: bool = False
    """`cap_drop: ALL` and `no-new-privileges`."""


@dataclass(frozen=True)
class RunningContainer:
    """A container's first process."""

    name: str
    pid: int
    address: str
    parent: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def run(self, *argv: str | Path, env: Mapping[str, str]) -> int:
        """The exit code of a command within the container's network and files; `docker exec` in short."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", "--root", "--wd"]
        user = [] if ROOT_USER else ["--user", "--preserve-credentials"]
        return subprocess.run(
            [*enter, *user, *argv], env=dict(env), check=False, stdin=subprocess.DEVNULL
        ).returncode

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM to process 1, as an engine does it; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.parent.wait(seconds)


class IsolatedMachine:
    """A bridge, and the containers on it. `names` is in every container's /etc/hosts."""

    def __init__(self, folder: Path, pid: int, names: Sequence[str]) -> None:
        self._folder = folder
        self._pid = pid
        self.gateway = f"{NETWORK}.1"
        self.names = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, 2)}

    def enter(self) -> list[str]:
        """The command that runs another one on this machine's network."""
        user = [] if ROOT_USER else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self._pid}", "--net", *user]

    @contextmanager
    def container(self, name: str, wanted: Container) -> Iterator[RunningContainer]:
        """Start a container until the block ends. SIGKILL if it has not ended by itself then."""
        folder = self._folder / name
        extra = {name: at.replace("host-gateway", self.gateway) for name, at in wanted.hosts.items()}
        hosts = {"localhost": "127.0.0.1", **self.names, **extra}
        spec = _spec(folder, wanted, hosts, f"{self.names[name]}/24")
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*self.enter(), *_UNSHARE, sys.executable, HERE / "container_init.py", spec],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(f"container {name}", lambda: self._begun(process, folder, log))
            pid = _child(process)
            self._plug_in(name, pid)
            yield RunningContainer(name, pid, self.names[name], process, log)
        finally:
            _end(process)

    def _begun(self, process: subprocess.Popen[bytes], folder: Path, log: Path) -> bool:
        if process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()}")
        return (folder / "ready").exists()

    def _plug_in(self, name: str, pid: int) -> None:
        port = f"veth{self.names[name].rsplit('.', 1)[1]}"
        self.run(f"ip link add {port} type veth peer name eth0 netns {pid}")
        self.run(f"ip link set {port} master br0")
        self.run(f"ip link set {port} up")

    def run(self, command: str) -> None:
        """One command on this machine's network."""
        subprocess.run([*self.enter(), *command.split()], check=True)

    @contextmanager
    def process(self, *argv: str | Path, env: Mapping[str, str]) -> Iterator[None]:
        """A process beside the containers, on the machine itself, until the block ends."""
        process = subprocess.Popen([*self.enter(), *argv], env={**os.environ, **env})
        try:
            yield
        finally:
            stop(process)

    @contextmanager
    def published(self, *targets: tuple[str, int]) -> Iterator[list[str]]:
        """Addresses on the real machine's loopback that lead to (name or address, port) on this one."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in targets]
            routes = [
                f"{listener.fileno()}:{self.names.get(host, host)}:{port}"
                for listener, (host, port) in zip(sockets, targets, strict=True)
            ]
            relay = subprocess.Popen(
                [*self.enter(), sys.executable, HERE / "relay.py", *routes],
                pass_fds=[listener.fileno() for listener in sockets],
            )
            try:
                yield [f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in sockets]
            finally:
                relay.kill()
                relay.wait()


@contextmanager
def machine(*names: str) -> Iterator[IsolatedMachine]:
    """A machine with a network of its own until the block ends, for containers of these names."""
    user = [] if ROOT_USER else ["--map-root-user"]
    with tempfile.TemporaryDirectory(prefix="reviewlens-machine-") as folder:
        ready = Path(folder) / "ready"
        shell = f"set -e; ip link set lo up; {BRIDGE}; touch {ready}; exec sleep infinity"
        holder = subprocess.Popen(["unshare", "--net", *user, "sh", "-c", shell])
        try:
            wait_for("a network of its own", lambda: ready.exists() or holder.poll() is not None)
            assert holder.poll() is None, "unshare: this system lets nobody make a network namespace"
            yield IsolatedMachine(Path(folder), holder.pid, names)
        finally:
            holder.kill()
            holder.wait()


def run_once(folder: Path, wanted: Container) -> None:
    """A container on the real network, to its end; AssertionError with what it said when it fails."""
    spec = _spec(folder, wanted, {"localhost": "127.0.0.1"}, "")
    isolate = [word for word in _UNSHARE if word != "--net"] + ([] if ROOT_USER else ["--map-root-user"])
    done = subprocess.run(
        [*isolate, sys.executable, HERE / "container_init.py", spec],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(wanted.argv)} ended with {done.returncode}:\n{done.stdout}"


def _spec(folder: Path, wanted: Container, hosts: Mapping[str, str], address: str) -> Path:
    """What container_init.py reads."""
    (folder / "root").mkdir(parents=True, exist_ok=True)
    uid, _, gid = wanted.user.partition(":")
    user = [f"--reuid={uid}", f"--regid={gid or uid}", "--clear-groups"] if ROOT_USER else []
    start = ["setpriv", *user, *(_CONFINED if wanted.confined else [])]
    spec = {
        "root": str(folder / "root"),
        "ready": str(folder / "ready"),
        "address": address,
        "files": {"/etc/hosts": "".join(f"{address}\t{host}\n" for host, address in hosts.items())},
        "binds": [[mount.source, mount.target, mount.read_only] for mount in wanted.mounts],
        "tmpfs": list(wanted.tmpfs),
        "cwd": wanted.cwd,
        "hostname": wanted.hostname,
        "read_only": wanted.read_only,
        "argv": [*start, *wanted.argv],
        "env": dict(wanted.env),
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    return folder / "spec.json"


def _child(process: subprocess.Popen[bytes]) -> int:
    """The process that `unshare --fork` has made."""
    return _children(process)[0]


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]
    except OSError:  # it has ended
        return []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill process 1 of a container, and all that is in it. `--kill-child` alone does not: a process that
    becomes another user, as setpriv does, forgets that it is to die with its parent."""
    for pid in _children(process):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
