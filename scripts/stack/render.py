"""Copies of the committed configuration, for ports and folders that differ from those it names."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import yaml

from scripts.stack.modes import OTLP, ports_in
from scripts.stack.settings import ROOT, Settings

PROMETHEUS = ROOT / "monitoring" / "prometheus.yml"
BEHIND_COLLECTOR = ROOT / "monitoring" / "prometheus.otlp.yml"
ALERTMANAGER = ROOT / "monitoring" / "alertmanager" / "alertmanager.yml"
GRAFANA = ROOT / "monitoring" / "grafana"


def prometheus_config(settings: Settings) -> Path:
    """The committed file, or below the run folder a copy with this stack's ports and the rules beside it."""
    committed = BEHIND_COLLECTOR if settings.mode == OTLP else PROMETHEUS
    if settings.default_ports:
        return committed
    folder = settings.run_dir / "prometheus"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(committed.parent / "alerts", folder / "alerts")
    data = yaml.safe_load(committed.read_text(encoding="utf-8"))
    ports = ports_in(settings.mode).items()
    with_ports(data, {str(default): settings.ports[name] for name, (_, default) in ports})
    return _write(folder / committed.name, data)


def with_ports(node: Any, ports: dict[str, int]) -> None:
    """Give every `targets: [localhost:PORT]` in a configuration the port that takes PORT's place."""
    if isinstance(node, dict):
        if isinstance(targets := node.get("targets"), list):
            node["targets"] = [_moved(target, ports) for target in targets]
        for child in node.values():
            with_ports(child, ports)
    elif isinstance(node, list):
        for child in node:
            with_ports(child, ports)


def _moved(target: str, ports: dict[str, int]) -> str:
    host, _, port = target.rpartition(":")
    return f"{host}:{ports.get(port, port)}"


def grafana_provisioning(settings: Settings) -> Path:
    """The committed provisioning with this machine's Prometheus and dashboards, not the container's."""
    folder = settings.run_dir / "grafana" / "provisioning"
    sources = yaml.safe_load(
        (GRAFANA / "provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )
    for source in sources["datasources"]:
        source["url"] = settings.url("prometheus")
    providers = yaml.safe_load(
        (GRAFANA / "provisioning/dashboards/dashboard.yml").read_text(encoding="utf-8")
    )
    for provider in providers["providers"]:
        provider["options"]["path"] = str(GRAFANA / "dashboards")
    _write(folder / "datasources/prometheus.yml", sources)
    _write(folder / "dashboards/dashboard.yml", providers)
    return folder


def grafana_password(settings: Settings) -> Path:
    """A file, readable by its owner alone, with the admin's random password; kept beside Grafana's data."""
    path = settings.data_dir / "grafana" / "admin-password"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(18))
    return path


def _write(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
