"""Can a Prometheus in Docker reach the service on this machine?"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from telemetry.doctor.backend import GATEWAY, Backend
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.prometheus import PrometheusError
from telemetry.doctor.subject import Subject
from telemetry.doctor.targets import listens
from telemetry.loopback import is_loopback

BRIDGE = "docker0"
_SIOCGIFADDR = 0x8915


def reach(subject: Subject) -> Iterator[Finding]:
    """Whether the service listens where host.docker.internal leads. Docker Desktop leads to loopback too."""
    if subject.offline or sys.platform != "linux" or not (subject.docker or _scraped_from_docker(subject)):
        return
    variable, host, port = subject.scraped_at
    outside = addresses()
    if not outside:
        yield found("bind.unknown", "this machine has loopback addresses only", "start Docker, and ask again")
        return
    reached = [address for address in outside if listens(address, port, subject.timeout)]
    if reached:
        yield passed(f"the service listens on {reached[0]}:{port}: {GATEWAY}:{port} reaches it")
    elif listens("127.0.0.1", port, subject.timeout):
        yield found(
            "bind", f"{outside[0]}:{port} is refused, 127.0.0.1:{port} is not", *_bind_mends(variable)
        )
    elif is_loopback(host):
        yield found("bind", f"{variable}={host}; the service does not run now", *_bind_mends(variable))
    else:
        yield passed(f"{variable}={host} is not loopback; the service does not run now")


def _bind_mends(variable: str) -> Iterator[str]:
    """The narrow way first: the bridge is open to containers, not to the network."""
    if bridge := _address_of(BRIDGE):
        yield f"{variable}={bridge} (Docker's bridge: containers reach it, localhost does not)"
    yield f"{variable}=0.0.0.0 (every network this machine is in; keep the port behind a firewall)"


def _scraped_from_docker(subject: Subject) -> bool:
    if not subject.prometheus_url:
        return False
    try:
        targets = Backend(subject.prometheus_url, subject.timeout, subject.metrics_path).scraped
    except PrometheusError:  # said by the check of the backend
        return False
    return any(urlsplit(target.url).hostname == GATEWAY for target in targets)


def addresses() -> list[str]:
    """This machine's own IPv4 addresses that are not loopback, Docker's bridge first."""
    found_here = {name: _address_of(name) for _, name in socket.if_nameindex()}
    ordered = sorted(found_here, key=lambda name: name != BRIDGE)
    return [address for name in ordered if (address := found_here[name]) and not is_loopback(address)]


def _address_of(interface: str) -> str:
    """The IPv4 address of an interface, empty where it has none (Linux)."""
    import fcntl

    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asked:
        try:
            packed = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return ""
    return socket.inet_ntoa(packed[20:24])
