"""Every way a number can take from the service to a Prometheus, each with the committed configuration.

A path is what the service's environment says and what stands behind it; nothing else of the service changes.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import trustme
import yaml
from support.quickrules import quick_rules
from support.servers import (
    ROOT,
    Collector,
    PrometheusServer,
    Server,
    collector,
    free_port,
    prometheus,
    run_app,
    wait_for,
)
from support.traffic import play

from app.llm.simulator.testing import RunningSimulator, running_simulator
from app.settings import DATABASE
from monitoring.targets import HERE

SECONDS = 2
"""Between two scrapes, two pushes, and two evaluations of rules."""
QUIET = 3 * SECONDS
"""Before and after a run, so that a rate has what it counts from."""
CONFIGS = ROOT / "otel-collector"
GATEWAY = ROOT / "tests" / "data" / "gateway.yaml"
USER, TOKEN = "123456", "not-a-secret"
MORE = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
"""What a collector of ours does not let become labels or a target_info series."""
NO_KEYS = dict.fromkeys(("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "")
LAST = (
    'http_requests_total{endpoint="/last"} == 1 '
    'and on () http_request_duration_seconds_count{endpoint="/last"} == 1'
)


@dataclass(frozen=True)
class Behind:
    """What stands behind the service: the servers by version, and what its environment must say."""

    servers: Mapping[str, PrometheusServer]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Arrival:
    """A Prometheus that holds all of a run, the service's address, its session that goes on, the moment."""

    server: PrometheusServer
    app: str
    session: str
    moment: float


@dataclass(frozen=True)
class Way:
    """One path: who stands behind it, and under which versions of Prometheus it exists."""

    name: str
    versions: tuple[str, ...]
    behind: Callable[[Surroundings], Behind]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(f"{self.name}, {version}" for version in self.versions)


@dataclass(frozen=True)
class Surroundings:
    """What a way is built with: what ends with the test, the service's port, a folder, the versions."""

    stack: ExitStack
    port: int
    folder: Path
    versions: tuple[str, ...]

    def collector(self, config: Path, **environment: str) -> Collector:
        """A collector with a committed configuration."""
        return self.stack.enter_context(collector(config, env=environment))

    def prometheus(self, config: str, moved: Mapping[str, str], *flags: str) -> dict[str, PrometheusServer]:
        """A committed configuration under each version."""
        return {
            version: self.stack.enter_context(_prometheus(version, config, moved, flags))
            for version in self.versions
        }


def scraped(around: Surroundings) -> Behind:
    """/metrics, scraped."""
    return Behind(around.prometheus("prometheus.yml", {"localhost:8000": f":{around.port}"}), {})


def collector_scraped(around: Surroundings) -> Behind:
    """A collector that is scraped."""
    gate = around.collector(CONFIGS / "config.yaml")
    moved = {"localhost:8889": gate.exporter, "localhost:8888": gate.telemetry}
    return Behind(around.prometheus("prometheus.otlp.yml", moved), {**pushing(gate.http), **MORE})


def remote_written(around: Surroundings) -> Behind:
    """A collector that writes on by remote write; the service speaks grpc."""
    servers = around.prometheus(RECEIVER, {}, "--web.enable-remote-write-receiver")
    (server,) = servers.values()
    url = f"{server.url}/api/v1/write"
    gate = around.collector(CONFIGS / "config.remote-write.yaml", REVIEWLENS_REMOTE_WRITE_URL=url)
    return Behind(servers, {**pushing(f"http://{gate.grpc}"), **MORE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def straight(around: Surroundings) -> Behind:
    """Prometheus itself."""
    servers, url = _receiver(around)
    return Behind(servers, pushing(url))


def collector_to_prometheus(around: Surroundings) -> Behind:
    """A collector that sends OTLP on to Prometheus."""
    servers, url = _receiver(around)
    gate = around.collector(CONFIGS / "config.prometheus-otlp.yaml", REVIEWLENS_PROMETHEUS_OTLP_URL=url)
    return Behind(servers, {**pushing(gate.http), **MORE})


def gateway(around: Surroundings) -> Behind:
    """A cloud's gateway with TLS and a password."""
    servers, target = _receiver(around)
    url, authority = _gateway(around, target)
    word = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
    cloud = {
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Basic%20{word}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(authority),
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    return Behind(servers, {**pushing(url), **cloud})


def collector_to_gateway(around: Surroundings) -> Behind:
    """A collector that sends on to a cloud's gateway."""
    servers, target = _receiver(around)
    url, authority = _gateway(around, target)
    gate = around.collector(
        CONFIGS / "config.grafana-cloud.yaml",
        GRAFANA_CLOUD_OTLP_ENDPOINT=url,
        GRAFANA_CLOUD_INSTANCE_ID=USER,
        GRAFANA_CLOUD_API_KEY=TOKEN,
        SSL_CERT_FILE=str(authority),
    )
    return Behind(servers, {**pushing(gate.http), **MORE})


RECEIVER = "prometheus.otlp-receiver.yml"
SCRAPING, RECEIVING = ("2.42", "3.5"), ("3.12",)
WAYS = (
    Way("A scraped", SCRAPING, scraped),
    Way("B collector, scraped", SCRAPING, collector_scraped),
    *(Way("C collector, remote write", (version,), remote_written) for version in SCRAPING),
    Way("D Prometheus", RECEIVING, straight),
    Way("D collector, Prometheus", RECEIVING, collector_to_prometheus),
    Way("E gateway", RECEIVING, gateway),
    Way("E collector, gateway", RECEIVING, collector_to_gateway),
)
PATHS = tuple(path for way in WAYS for path in way.paths)


@contextmanager
def all_paths(folder: Path, store: Path) -> Iterator[dict[str, Arrival]]:
    """The same run on every path, one after the other; what stands there stays until the block ends."""
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator())
        ready = [_ready(stack, way, folder / str(at), store, simulator) for at, way in enumerate(WAYS)]
        time.sleep(QUIET)
        sessions = [_played(app, simulator) for app, _ in ready]
        for _, behind in ready:
            for server in behind.servers.values():
                wait_for("the last request", partial(server.query, LAST))
        time.sleep(QUIET)
        now = time.time()
        found = [
            Arrival(server, app.url, session, now)
            for (app, behind), session in zip(ready, sessions, strict=True)
            for server in behind.servers.values()
        ]
        yield dict(zip(PATHS, found, strict=True))


def _ready(
    stack: ExitStack, way: Way, folder: Path, store: Path, simulator: RunningSimulator
) -> tuple[Server, Behind]:
    """The service and all behind it, up."""
    folder.mkdir()
    shutil.copy(store, folder / DATABASE)
    port = free_port()
    behind = way.behind(Surroundings(stack, port, folder, way.versions))
    environment = {
        **NO_KEYS,
        "REVIEWLENS_STATE_DIR": str(folder),
        "REVIEWLENS_PORT": str(port),
        "REVIEWLENS_LLM_SIMULATOR_URL": simulator.url,
        **behind.environment,
    }
    app = run_app("support.stepped:app", port=port, env=environment, flags=["--app-dir=tests"])
    return stack.enter_context(app), behind


def _played(app: Server, simulator: RunningSimulator) -> str:
    with httpx.Client(base_url=app.url, timeout=60, trust_env=False) as shopper:
        return play(shopper, simulator)


def pushing(url: str) -> dict[str, str]:
    """What the service's environment says to push there."""
    return {
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": str(SECONDS * 1000),
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
    }


def _receiver(around: Surroundings) -> tuple[Mapping[str, PrometheusServer], str]:
    """A Prometheus that takes OTLP, and the base address for it."""
    servers = around.prometheus(RECEIVER, {}, "--web.enable-otlp-receiver")
    (server,) = servers.values()
    return servers, f"{server.url}/api/v1/otlp"


def _gateway(around: Surroundings, target: str) -> tuple[str, Path]:
    """Its address, and the authority that its certificate is from."""
    authority, certificate = around.folder / "authority.pem", around.folder / "server.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(authority)
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    gate = around.collector(
        GATEWAY,
        GATEWAY_CERTIFICATE=str(certificate),
        GATEWAY_PASSWORD=f"{USER}:{TOKEN}",
        GATEWAY_TARGET=target,
    )
    return gate.http.replace("http:", "https:"), authority


@contextmanager
def _prometheus(
    version: str, name: str, moved: Mapping[str, str], flags: Sequence[str]
) -> Iterator[PrometheusServer]:
    own = free_port()
    config = shortened(name, version, {**moved, "localhost:9090": f":{own}"})
    with prometheus(config, rules=quick_rules(SECONDS), version=version, port=own, flags=flags) as server:
        yield server


def shortened(name: str, version: str, moved: Mapping[str, str]) -> str:
    """A committed configuration with these addresses in place of its own, and every interval short."""
    text = (HERE / name).read_text(encoding="utf-8")
    for address, other in moved.items():
        text = text.replace(address, f"127.0.0.1:{other.rpartition(':')[2]}")
    config: dict[str, Any] = yaml.safe_load(re.sub(r"_interval: \d+s", f"_interval: {SECONDS}s", text))
    if version.startswith("2."):
        config.pop("otlp", None)
    return yaml.safe_dump(config)
