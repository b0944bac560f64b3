"""Real servers for tests: Prometheus, Alertmanager, collector, our own app, each on free loopback ports.

with prometheus(config, rules={"alerts/a.yml": text}, version="2.42") as prom:
    wait_for("the target to be scraped", lambda: prom.value("up{job='app'}") == 1)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.stack.binaries import obtain
from soak.running import HTTP, ROOT, Server, free_port, run, stop, wait_for
from telemetry.doctor.prometheus import Prometheus

__all__ = [
    "HTTP",
    "ROOT",
    "Collector",
    "PrometheusServer",
    "Server",
    "alertmanager",
    "collector",
    "free_port",
    "prometheus",
    "run",
    "run_app",
    "stop",
    "wait_for",
]


@dataclass(frozen=True)
class PrometheusServer(Prometheus, Server):
    """A real Prometheus, and more questions to it."""

    def value(self, expr: str, at: float | None = None) -> float | None:
        """The value of a query that has one series; None when it has none."""
        samples = self.query(expr, at)
        assert len(samples) <= 1, f"{expr} has {len(samples)} series, expected one"
        return samples[0].value if samples else None

    def range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """A range query: rows of {metric, values: [[time, text]]}."""
        asked = {"query": expr, "start": start, "end": end, "step": step}
        rows: list[dict[str, Any]] = self.api("query_range", **asked)["result"]
        return rows

    def rules(self) -> list[dict[str, Any]]:
        """Every loaded rule, alerts and recordings, each with its `group`."""
        groups = self.api("rules")["groups"]
        return [{**rule, "group": group["name"]} for group in groups for rule in group["rules"]]

    def health(self) -> dict[str, str]:
        """Scrape address of each active target -> up, down or unknown."""
        return {target.url: target.health for target in self.targets()}

    def metadata(self) -> dict[str, dict[str, str]]:
        """Metric name -> {type, help, unit} as it was scraped."""
        return {name: rows[0] for name, rows in self.api("metadata").items()}

    def reload(self) -> None:
        """Read the configuration again."""
        HTTP.post(f"{self.url}/-/reload", timeout=10).raise_for_status()


@contextmanager
def prometheus(
    config: str | Path,
    *,
    rules: Mapping[str, str] | None = None,
    version: str = "3.5",
    port: int | None = None,
    flags: Sequence[str] = (),
) -> Iterator[PrometheusServer]:
    """A real Prometheus of an exact version (2.42, 3.5, 3.12) with an empty store.

    `config` is text, written beside the `rules` (relative path -> text), or the path of a file
    that is used where it is. Only 3.12 knows --web.enable-otlp-receiver, to be given in `flags`.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="reviewlens-prometheus-") as folder:
        file = config if isinstance(config, Path) else Path(folder) / "prometheus.yml"
        if not isinstance(config, Path):
            file.write_text(config, encoding="utf-8")
        for name, text in (rules or {}).items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text, encoding="utf-8")
        command: list[str | Path] = [
            obtain("prometheus", version),
            f"--config.file={file}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--enable-feature=exemplar-storage",
            "--scrape.discovery-reload-interval=100ms",  # hidden; its default lets a target wait 5 s
            *flags,
        ]
        with run(command, f"http://127.0.0.1:{port}", "/-/ready", kind=PrometheusServer) as server:
            yield server


@contextmanager
def alertmanager(
    config: str | Path, *, version: str | None = None, port: int | None = None
) -> Iterator[Server]:
    """A real Alertmanager with an empty store; `config` is text or the path of a file."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="reviewlens-alertmanager-") as folder:
        file = config if isinstance(config, Path) else Path(folder) / "alertmanager.yml"
        if not isinstance(config, Path):
            file.write_text(config, encoding="utf-8")
        command: list[str | Path] = [
            obtain("alertmanager", version),
            f"--config.file={file}",
            f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with run(command, f"http://127.0.0.1:{port}", "/-/ready") as server:
            yield server


@dataclass(frozen=True)
class Collector(Server):
    """A running collector; its address is its health check's."""

    ports: Mapping[str, int]

    @property
    def http(self) -> str:
        """The base address for OTLP/HTTP."""
        return f"http://127.0.0.1:{self.ports['HTTP']}"

    @property
    def grpc(self) -> str:
        """host:port for OTLP/gRPC."""
        return f"127.0.0.1:{self.ports['GRPC']}"

    @property
    def exporter(self) -> str:
        """host:port of the Prometheus exporter: what was pushed, to be scraped."""
        return f"127.0.0.1:{self.ports['SCRAPE']}"

    @property
    def telemetry(self) -> str:
        """host:port of the collector's own metrics."""
        return f"127.0.0.1:{self.ports['METRICS']}"


@contextmanager
def collector(
    config: str | Path, *, env: Mapping[str, str] | None = None, queue: Path | None = None
) -> Iterator[Collector]:
    """A real collector on free ports; `config` is text or the path of a file.

    `queue` is where its queue is kept; by default it goes with the collector.
    """
    ports = {name: free_port() for name in ("GRPC", "HTTP", "SCRAPE", "METRICS", "HEALTH")}
    with tempfile.TemporaryDirectory(prefix="reviewlens-collector-") as folder:
        file = config if isinstance(config, Path) else Path(folder) / "config.yaml"
        if not isinstance(config, Path):
            file.write_text(config, encoding="utf-8")
        own = {f"REVIEWLENS_COLLECTOR_{name}_PORT": str(port) for name, port in ports.items()}
        own["REVIEWLENS_COLLECTOR_QUEUE_DIR"] = str(queue or folder)
        command: list[str | Path] = [obtain("otelcol"), f"--config={file}"]
        url = f"http://127.0.0.1:{ports['HEALTH']}"
        made = partial(Collector, ports=ports)
        with run(command, url, "/", env={**own, **(env or {})}, kind=made) as server:
            yield server


@contextmanager
def run_app(
    app: str = "app.main:app",
    *,
    env: Mapping[str, str] | None = None,
    ready: str = "/readyz",
    port: int | None = None,
    cwd: Path = ROOT,
    flags: Sequence[str] = (),
) -> Iterator[Server]:
    """uvicorn in a process and with a state folder of its own; `env` is laid over the environment."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="reviewlens-app-") as folder:
        command = [sys.executable, "-m", "uvicorn", app, "--host=127.0.0.1", f"--port={port}", *flags]
        # Tests are one client, and some of them start more than one shopper may.
        own = {"REVIEWLENS_STATE_DIR": folder, "REVIEWLENS_SESSIONS_PER_MINUTE": "0", **(env or {})}
        with run(command, f"http://127.0.0.1:{port}", ready, env=own, cwd=cwd) as server:
            yield server
