"""A collector that is set up wrong in every way there is, a receiver each.

with receivers(folder) as ports:
    ports.auth.http  # port of the receiver that asks for user:secret
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import yaml
from support.servers import collector, free_port

USER, TOKEN = "user", "secret"
AUTHORITY = "Test authority"
SETUPS = ("plain", "auth", "other_path", "tls", "expired", "other_name", "client")


@dataclass(frozen=True)
class Receiver:
    """The ports of one receiver, both on 127.0.0.1."""

    http: int
    grpc: int


@dataclass(frozen=True)
class Receivers:
    """Every receiver by name, the files that make TLS work, and where the numbers come out."""

    ports: dict[str, Receiver]
    ca: Path
    client: Path
    client_key: Path
    exporter: str

    def url(self, name: str, protocol: str = "http/protobuf", scheme: str = "http") -> str:
        """The base address of a receiver for a protocol."""
        receiver = self.ports[name]
        return f"{scheme}://127.0.0.1:{receiver.grpc if protocol == 'grpc' else receiver.http}"


@contextmanager
def receivers(folder: Path) -> Iterator[Receivers]:
    """One collector with all of them, until the block ends."""
    authority = trustme.CA(organization_name=AUTHORITY)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    past = datetime.datetime(2020, 1, 1)
    _write(authority.issue_cert("127.0.0.1"), folder / "server")
    _write(
        authority.issue_cert("127.0.0.1", not_before=past, not_after=past.replace(day=2)), folder / "expired"
    )
    _write(authority.issue_cert("collector.example"), folder / "other_name")
    _write(authority.issue_cert("client"), folder / "client")
    ports = {name: Receiver(free_port(), free_port()) for name in SETUPS}
    with collector(yaml.safe_dump(_config(folder, ports))) as server:
        yield Receivers(
            ports, folder / "ca.pem", folder / "client.pem", folder / "client.key", server.exporter
        )


def _write(certificate: trustme.LeafCert, path: Path) -> None:
    certificate.private_key_pem.write_to_path(path.with_suffix(".key"))
    path.with_suffix(".pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))


def _config(folder: Path, ports: dict[str, Receiver]) -> dict[str, Any]:
    def tls(name: str, **more: str) -> dict[str, Any]:
        return {"tls": {"cert_file": f"{folder}/{name}.pem", "key_file": f"{folder}/{name}.key", **more}}

    differences: dict[str, dict[str, Any]] = {
        "auth": {"auth": {"authenticator": "basicauth"}},
        "tls": tls("server"),
        "expired": tls("expired"),
        "other_name": tls("other_name"),
        "client": tls("server", client_ca_file=f"{folder}/ca.pem"),
    }
    made = {
        f"otlp/{name}": {
            "protocols": {
                kind: {"endpoint": f"127.0.0.1:{getattr(receiver, kind)}", **differences.get(name, {})}
                for kind in ("http", "grpc")
            }
        }
        for name, receiver in ports.items()
    }
    made["otlp/other_path"]["protocols"]["http"]["metrics_url_path"] = "/otlp/v1/metrics"
    return {
        "receivers": made,
        "exporters": {"prometheus": {"endpoint": "127.0.0.1:${env:REVIEWLENS_COLLECTOR_SCRAPE_PORT}"}},
        "extensions": {
            "health_check": {"endpoint": "127.0.0.1:${env:REVIEWLENS_COLLECTOR_HEALTH_PORT}"},
            "basicauth": {"htpasswd": {"inline": f"{USER}:{TOKEN}"}},
        },
        "service": {
            "extensions": ["health_check", "basicauth"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": {"receivers": list(made), "exporters": ["prometheus"]}},
        },
    }
