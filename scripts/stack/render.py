"""Copies of the committed configuration with other ports and folders."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import yaml

from scripts.stack import private
from scripts.stack.errors import StackError
from scripts.stack.modes import OTLP, ports_in
from scripts.stack.settings import ROOT, StackSettings
from telemetry.scrape.token import TokenFile
from telemetry.settings import TOKEN_FILE, SettingsError

PROMETHEUS = ROOT / "monitoring" / "prometheus.yml"
BEHIND_COLLECTOR = ROOT / "monitoring" / "prometheus.otlp.yml"
ALERTMANAGER = ROOT / "monitoring" / "alertmanager" / "alertmanager.yml"
GRAFANA = ROOT / "monitoring" / "grafana"
API = "localhost:8000"
_SOURCES, _PROVIDERS = "datasources/prometheus.yml", "dashboards/dashboard.yml"
FILES = (
    *(f"prometheus/{committed.name}" for committed in (PROMETHEUS, BEHIND_COLLECTOR)),
    *(f"grafana/provisioning/{name}" for name in (_SOURCES, _PROVIDERS)),
)
"""All that is rendered, below the run folder."""
_GLOB = re.compile(r"[\\*?\[]")


def prometheus_config(settings: StackSettings) -> Path:
    """The committed file, or a copy below the run folder with this stack's ports and the committed rules."""
    committed = BEHIND_COLLECTOR if settings.mode == OTLP else PROMETHEUS
    is_plain = settings.default_ports and settings.metrics_port == settings.ports["api"]
    if is_plain and not settings.scraping and not _GLOB.search(str(committed)):
        return committed
    _expect_token(settings)
    data = yaml.safe_load(committed.read_text(encoding="utf-8"))
    for job in data["scrape_configs"] if settings.mode != OTLP else ():
        if any(group["targets"] == [API] for group in job.get("static_configs", ())):
            job.update(settings.scraping)
    moved = settings.ports if settings.mode == OTLP else {**settings.ports, "api": settings.metrics_port}
    ports = ports_in(settings.mode).items()
    with_ports(data, {str(default): moved[name] for name, (_, default) in ports})
    data["rule_files"] = [f"{_literal(committed.parent)}/{pattern}" for pattern in data.get("rule_files", ())]
    return _write(settings.run_dir / "prometheus" / committed.name, data)


def _expect_token(settings: StackSettings) -> None:
    """The service's own words where its token cannot be used; promtool's would name no setting."""
    if file := settings.recorded.get(TOKEN_FILE):
        try:
            TokenFile(file).read()
        except SettingsError as error:
            raise StackError(str(error)) from None


def _literal(folder: Path) -> str:
    """A folder before a Prometheus pattern, escaped, so that it is no part of the pattern.

    Prometheus allows a star only in the last part; `?` matches the one character.
    """
    return _GLOB.sub(lambda found: "?" if found[0] == "*" else f"\\{found[0]}", str(folder))


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


def grafana_provisioning(settings: StackSettings) -> Path:
    """The committed provisioning with this machine's Prometheus and dashboards, not the container's."""
    folder = settings.run_dir / "grafana" / "provisioning"
    sources = yaml.safe_load((GRAFANA / "provisioning" / _SOURCES).read_text(encoding="utf-8"))
    for source in sources["datasources"]:
        source["url"] = settings.url("prometheus")
    providers = yaml.safe_load((GRAFANA / "provisioning" / _PROVIDERS).read_text(encoding="utf-8"))
    for provider in providers["providers"]:
        # Grafana replaces $NAME in what it reads here; $$ is a dollar sign.
        provider["options"]["path"] = str(GRAFANA / "dashboards").replace("$", "$$")
    _write(folder / _SOURCES, sources)
    _write(folder / _PROVIDERS, providers)
    return folder


def grafana_password(settings: StackSettings) -> Path:
    """A file, readable by its owner alone, with the admin's random password; kept beside Grafana's data."""
    path = settings.data_dir / "grafana" / "admin-password"
    return path if path.exists() else private.write(path, secrets.token_urlsafe(18))


def _write(path: Path, data: Any) -> Path:
    return private.write(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
