"""The services: their commands, environments, ports, and readiness paths."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.ports import COLLECTOR_PORTS
from scripts.stack import flags, private, render
from scripts.stack.cache import Found
from scripts.stack.errors import StackError
from scripts.stack.exporting import exporting
from scripts.stack.modes import OTLP
from scripts.stack.settings import HOST, ROOT, StackSettings

PROGRAMS = ("prometheus", "alertmanager", "grafana")
MONITORING = ("collector", *PROGRAMS, "look")
COLLECTOR_CONFIG = ROOT / "otel-collector" / "config.yaml"
REVIEWLENS = (sys.executable, "-m", "app")
GRAFANA_HOMES = ("/usr/share/grafana", "/opt/homebrew/share/grafana", "/usr/local/share/grafana")

READY = {
    "api": "/readyz",
    "simulator": "/healthz",
    "look": "/healthz",
    "grafana": "/api/health",
    "collector": "/",
}
ASKED = {"collector": "collector-health"}


@dataclass(frozen=True)
class Service:
    """One supervised process."""

    name: str
    command: tuple[str, ...]
    port: int
    """Where it is asked whether it is ready."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> str:
        """The path that answers below 400 as soon as it is ready."""
        return READY.get(self.name, "/-/ready")


def services(settings: StackSettings, found: Mapping[str, Found]) -> list[Service]:
    """Every service of this stack in starting order; the reverse is the order of stopping.

    A missing program is left out, except the collector.
    """
    build = {"prometheus": _prometheus, "alertmanager": _alertmanager, "grafana": _grafana}
    return [
        *([_simulator(settings)] if settings.simulated else []),
        *([_collector(settings, found["otelcol"])] if settings.mode == OTLP else []),
        api(settings),
        *(build[name](settings, found[name]) for name in PROGRAMS if name in found),
        _look(settings),
    ]


def asked_port(settings: StackSettings, name: str) -> int:
    """Where a service is asked whether it is ready."""
    return settings.ports[ASKED.get(name, name)]


def check_configs(services: list[Service], found: Mapping[str, Found]) -> None:
    """Ask promtool and amtool about the configuration; StackError has their words."""
    checks = {"prometheus": ("promtool", "check", "config"), "alertmanager": ("amtool", "check-config")}
    for service in services:
        if service.name not in checks:
            continue
        tool, *words = checks[service.name]
        if path := found[service.name].tools.get(tool):
            config = next(
                part.split("=", 1)[1] for part in service.command if part.startswith("--config.file=")
            )
            done = subprocess.run([path, *words, config], capture_output=True, text=True, check=False)
            if done.returncode:
                raise StackError(
                    f"{service.name} would refuse {config}:\n{(done.stdout + done.stderr).strip()}"
                )


def _simulator(settings: StackSettings) -> Service:
    port = settings.ports["simulator"]
    command = (*REVIEWLENS, "llm-simulator", "--port", str(port))
    return Service("simulator", command, port)


def _collector(settings: StackSettings, found: Found) -> Service:
    ports = {variable: str(settings.ports[name]) for name, (variable, _) in COLLECTOR_PORTS.items()}
    environment = {"REVIEWLENS_COLLECTOR_HOST": settings.collector_host, **ports}
    command = (str(found.path), f"--config={COLLECTOR_CONFIG}")
    return Service("collector", command, asked_port(settings, "collector"), environment)


def api(settings: StackSettings) -> Service:
    """The service itself."""
    port = settings.ports["api"]
    command = (*REVIEWLENS, "serve", "--host", settings.api_host, "--port", str(port))
    environment = {"REVIEWLENS_STATE_DIR": str(settings.state_dir), "REVIEWLENS_PORT": str(port)}
    environment |= exporting(settings.mode, settings.ports, settings.recorded)
    if settings.mode == OTLP and settings.no_proxy:
        environment |= {"no_proxy": settings.no_proxy, "NO_PROXY": settings.no_proxy}
    if settings.simulated:
        environment["REVIEWLENS_LLM_SIMULATOR_URL"] = f"http://{HOST}:{settings.ports['simulator']}"
    return Service("api", command, port, environment)


def _prometheus(settings: StackSettings, found: Found) -> Service:
    return _native(settings, found, render.prometheus_config(settings))


def _alertmanager(settings: StackSettings, found: Found) -> Service:
    return _native(settings, found, render.ALERTMANAGER)


def _native(settings: StackSettings, found: Found, config: Path) -> Service:
    """A program that takes its settings as flags."""
    words = _words(settings, found.program, config)
    shown = subprocess.run([found.path, "--help"], capture_output=True, text=True, check=False)
    arguments = flags.arguments(found.program, found.version, words, shown.stdout + shown.stderr)
    return Service(found.program, (str(found.path), *arguments), settings.ports[found.program])


def _grafana(settings: StackSettings, found: Found) -> Service:
    words = _words(settings, "grafana", render.grafana_provisioning(settings))
    words["password"] = render.grafana_password(settings)
    command = (str(found.path), "server", "--homepath", str(_grafana_home(found.path)))
    environment = flags.environment("grafana", words)
    return Service("grafana", command, settings.ports["grafana"], environment)


def _grafana_home(path: Path) -> Path:
    """The folder with Grafana's pages: around the program in a release, else in share/."""
    homes = [path.resolve().parent.parent, *map(Path, GRAFANA_HOMES)]
    for home in homes:
        if (home / "public").is_dir():
            return home
    raise StackError(
        f"{path} is Grafana, but its folder `public` is in none of {', '.join(map(str, homes))}."
    )


def _look(settings: StackSettings) -> Service:
    port, prometheus = settings.ports["look"], settings.ports["prometheus"]
    command = (
        *(*REVIEWLENS, "look", "--host", HOST, "--port", str(port)),
        *("--prometheus", f"http://{HOST}:{prometheus}", "--link-prometheus", settings.url("prometheus")),
        *("--trace-url", settings.chosen["trace_url"]),
    )
    return Service("look", command, port)


def _words(settings: StackSettings, program: str, config: Path) -> dict[str, object]:
    data = private.folder(settings.data_dir / program)
    own = {"host": HOST, "port": settings.ports[program], "config": config, "data": data}
    return {**settings.chosen, **own}
