"""Proxies of the environment: none is asked for this machine, and one that is of no use ends nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.servers import ROOT, free_port, prometheus

from scripts.stack.binaries import find
from scripts.stack.errors import WayFailedError
from scripts.stack.manifest import DOWNLOAD_BASE, Program, detect
from scripts.stack.release import unpack_release

SECRET = "pr0xy-s3cret"
KINDS = ("http", "https", "socks4", "socks5", "socks5h", "gopher")
VARIABLES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")


def reviewlens(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, in this environment."""
    command = [sys.executable, "-m", "app", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def garbling() -> Iterator[int]:
    """A port on which every connection is answered with bytes of no protocol, and closed."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(64)
                connection.sendall(b"\xee" * 64)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def through(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Name a proxy for everything, in the usual variables."""
    for name in (*VARIABLES, "NO_PROXY"):
        monkeypatch.delenv(name.lower(), raising=False)
        monkeypatch.setenv(name, proxy if name in VARIABLES else "")


@pytest.mark.parametrize("kind", [*KINDS, "broken"])
def test_a_proxy_of_no_use_is_one_more_way_that_failed(
    kind: str, monkeypatch: pytest.MonkeyPatch, prometheus_program: Program, tmp_path: Path
) -> None:
    """Nobody there, garbage, a scheme that is none: told in a line without the proxy's password."""
    monkeypatch.setenv(DOWNLOAD_BASE, "http://releases.example")
    release = prometheus_program.release
    assert release is not None
    with garbling() as port:
        for at in (port, free_port()):
            proxy = f"http://u:{SECRET}@[x" if kind == "broken" else f"{kind}://u:{SECRET}@127.0.0.1:{at}"
            through(monkeypatch, proxy)
            with pytest.raises(WayFailedError) as failed:
                unpack_release("prometheus", release, "3.5.3", detect(), tmp_path)
            assert "releases.example" in str(failed.value)
            assert SECRET not in str(failed.value)
            assert "\n" not in str(failed.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirror_on_this_machine_is_asked_directly(
    kind: str, cache: Path, mirror, prometheus_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desktop's proxy is for other machines."""
    through(monkeypatch, f"{kind}://127.0.0.1:{free_port()}")
    mirror.publish(prometheus_program)
    assert find(prometheus_program).version == prometheus_program.versions[0]


@pytest.mark.parametrize("kind", ["http", "socks5", "socks4"])
def test_the_doctor_sees_a_prometheus_of_this_machine(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, whatever stands between this machine and others; so does what --metrics-url names."""
    through(monkeypatch, f"{kind}://127.0.0.1:{free_port()}")
    with prometheus("global: {}") as server:
        metrics = f"--metrics-url={server.url}/metrics"
        told = reviewlens("doctor", "--prometheus", server.url, metrics).stdout
    assert "FAULT prometheus: " not in told
    assert "metrics.unread" not in told


@pytest.mark.parametrize("kind", ["socks4", "gopher"])
def test_the_demo_names_a_proxy_of_no_use(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for an API elsewhere; without the proxy's password."""
    through(monkeypatch, f"{kind}://u:{SECRET}@127.0.0.1:9")
    done = reviewlens("demo", "--api-url", "http://shop.example")
    assert done.returncode == 1
    assert done.stderr.startswith("reviewlens demo: the proxy for http://shop.example cannot be used; ")
    assert SECRET not in done.stderr + done.stdout
