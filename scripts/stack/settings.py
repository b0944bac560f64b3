"""Where the stack runs: ports, folders, and whether real LLM services are to be asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.injected import own
from app.llm.settings import KEYS, PREFIX, PROVIDERS, keyless
from scripts.stack import flags
from scripts.stack.environment import RUN_DIR, record
from scripts.stack.errors import StackError
from scripts.stack.manifest import DOWNLOAD_BASE
from scripts.stack.modes import ALL_PORTS, MODE, OTLP, mode_of, ports_in
from telemetry.secrets import shown
from telemetry.settings import LISTENER_HOST, LISTENER_PORT, TOKEN_FILE

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
SOCKET_BYTES = 92
"""The systems' limit for a socket's path (104 on macOS), less supervisord's suffix while it binds."""

_PROXIES = {"http_proxy", "all_proxy", "grpc_proxy"}
DATA_DIR = ("REVIEWLENS_DATA_DIR", "monitoring/data")


@dataclass(frozen=True)
class StackSettings:
    """What the environment says, read once at the start of a command."""

    mode: str
    ports: Mapping[str, int]
    """Ports by name; the collector's only if the mode has one."""
    run_dir: Path
    data_dir: Path
    state_dir: Path
    api_host: str
    collector_host: str
    simulated: bool
    """No provider that would be asked has an API key: the LLM simulator answers."""
    chosen: Mapping[str, str]
    """What monitoring/flags.yaml lets a person set, by the words it uses there."""
    no_proxy: str
    """Whom a proxy of the environment is not for, this machine among them; "" without a proxy."""
    recorded: Mapping[str, str]
    """Every variable that the stack reads and its value; no secret."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> StackSettings:
        """The settings of this command; StackError names a variable that cannot be used."""
        environ = own(environ)
        mode = mode_of(environ)
        _check_mirror(environ)
        settings = cls(
            mode=mode,
            ports={name: _port(environ, *entry) for name, entry in ports_in(mode).items()},
            run_dir=_folder(environ, *RUN_DIR),
            data_dir=_folder(environ, *DATA_DIR),
            state_dir=_folder(
                environ, "REVIEWLENS_STATE_DIR", (environ.get(RUN_DIR[0]) or RUN_DIR[1]) + "/state"
            ),
            api_host=environ.get("REVIEWLENS_HOST") or HOST,
            collector_host=environ.get("REVIEWLENS_COLLECTOR_HOST") or HOST,
            simulated=_simulated(environ),
            chosen=flags.settings(environ),
            no_proxy=_no_proxy(environ),
            recorded=record(environ),
        )
        settings._check()
        return settings

    def _check(self) -> None:
        if len(os.fsencode(self.socket)) > SOCKET_BYTES:
            raise StackError(
                f"{shown(str(self.socket))} is too long for a socket's name ({SOCKET_BYTES} bytes at most). "
                "Set REVIEWLENS_RUN_DIR to a shorter folder."
            )
        hosts = {"REVIEWLENS_HOST": self.api_host}
        if self.mode == OTLP:
            hosts["REVIEWLENS_COLLECTOR_HOST"] = self.collector_host
        for variable, host in hosts.items():
            if host not in {HOST, "localhost", "0.0.0.0"}:  # noqa: S104
                raise StackError(
                    f"{variable}={shown(host)!r}: this stack is reached on this machine's loopback, so "
                    f"{HOST} or 0.0.0.0 is expected."
                )
        owner: dict[int, str] = {}
        for name, port in self.ports.items():
            if other := owner.get(port):
                raise StackError(
                    f"{ALL_PORTS[other][0]} and {ALL_PORTS[name][0]} are both {port}; give each its own."
                )
            owner[port] = name

    @property
    def socket(self) -> Path:
        return self.run_dir / "supervisor.sock"

    @property
    def logs(self) -> Path:
        return self.run_dir / "logs"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    @property
    def default_ports(self) -> bool:
        """Whether every port is the committed configuration's."""
        return all(port == ALL_PORTS[name][1] for name, port in self.ports.items())

    def pid_file(self, service: str) -> Path:
        return self.run_dir / f"{service}.pid"

    @property
    def metrics_port(self) -> int:
        """Where the API is scraped: at its own port, unless its metrics have another."""
        if not self.recorded.keys() & {LISTENER_HOST, LISTENER_PORT}:
            return self.ports["api"]
        return _port(self.recorded, LISTENER_PORT, 9464)

    @property
    def scraping(self) -> Mapping[str, Any]:
        """How Prometheus scrapes the API, where that differs from the committed configuration."""
        scrape: dict[str, Any] = {}
        if path := self.recorded.get("TELEMETRY_METRICS_PATH"):
            scrape["metrics_path"] = path
        if file := self.recorded.get(TOKEN_FILE):
            scrape["authorization"] = {"credentials_file": str(Path(file).absolute())}
        return scrape

    def url(self, service: str) -> str:
        """Where a service of the stack is reached from this machine."""
        return f"http://localhost:{self.ports[service]}"


_PORT_MEANINGS = {
    "simulator": "port of the simulator",
    "look": "port of the page with the dashboards, `reviewlens look`",
    "collector": "in mode otlp: port of the collector for OTLP over HTTP",
    "collector-grpc": "the same over gRPC",
    "collector-scrape": "port of the collector with what was pushed, for Prometheus",
    "collector-metrics": "port of the collector with its own metrics",
    "collector-health": "port of the collector's health check",
}


def variables() -> dict[str, tuple[str, str]]:
    """Variable -> default and meaning, of what the stack alone reads."""
    own = {
        variable: (str(port), _PORT_MEANINGS.get(name, f"port of {name.capitalize()}"))
        for name, (variable, port) in ALL_PORTS.items()
        if name != "api"
    }
    kept = {row["env"]: (row["default"], row["meaning"]) for row in flags.table()["settings"].values()}
    return {
        MODE[0]: (
            MODE[1],
            "scrape, or otlp: the API pushes to the collector. `make up MODE=otlp`, or --mode, wins",
        ),
        **own,
        RUN_DIR[0]: (RUN_DIR[1], "PID files, logs and the supervisor's socket; its own for a second stack"),
        DATA_DIR[0]: (DATA_DIR[1], "what Prometheus, Alertmanager and Grafana store"),
        **kept,
        DOWNLOAD_BASE: ("", "mirror of the programs' releases, laid out as in scripts/binaries.yaml"),
    }


def _check_mirror(environ: Mapping[str, str]) -> None:
    mirror = environ.get(DOWNLOAD_BASE)
    if mirror and not mirror.startswith(("http://", "https://", "file://")):
        raise StackError(
            f"{DOWNLOAD_BASE}={shown(mirror)!r}: an address with https:// or http:// is expected."
        )


def _simulated(environ: Mapping[str, str]) -> bool:
    order = environ.get(f"{PREFIX}PROVIDERS") or ",".join(PROVIDERS)
    return keyless(order, {name: environ.get(variable) for name, variable in KEYS.items()})


def _no_proxy(environ: Mapping[str, str]) -> str:
    if not any(value for name, value in environ.items() if name.lower() in _PROXIES):
        return ""
    others = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return ",".join(dict.fromkeys((*filter(None, others.split(",")), HOST)))


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StackError(f"{variable}={shown(text)!r}: expected a port, a whole number from 1 to 65535")
    return int(text)


def _folder(environ: Mapping[str, str], variable: str, default: str) -> Path:
    return ROOT / Path(environ.get(variable) or default).expanduser()
