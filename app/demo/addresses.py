"""Where the stack is: addresses from the environment's ports, and which of them answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from app.injected import own
from telemetry.loopback import is_loopback
from telemetry.secrets import without_secrets

PORTS = {
    "api": ("REVIEWLENS_PORT", 8000),
    "prometheus": ("REVIEWLENS_PROMETHEUS_PORT", 9090),
    "alertmanager": ("REVIEWLENS_ALERTMANAGER_PORT", 9093),
    "grafana": ("REVIEWLENS_GRAFANA_PORT", 3001),
    "simulator": ("REVIEWLENS_SIMULATOR_PORT", 8090),
}
# What otel-collector/config.yaml reads; the first is where services push to.
COLLECTOR_PORTS = {
    "collector": ("REVIEWLENS_COLLECTOR_HTTP_PORT", 4318),
    "collector-grpc": ("REVIEWLENS_COLLECTOR_GRPC_PORT", 4317),
    "collector-scrape": ("REVIEWLENS_COLLECTOR_SCRAPE_PORT", 8889),
    "collector-metrics": ("REVIEWLENS_COLLECTOR_METRICS_PORT", 8888),
    "collector-health": ("REVIEWLENS_COLLECTOR_HEALTH_PORT", 13133),
}


T = TypeVar("T", httpx.Client, httpx.AsyncClient)
PROXIES = "a proxy in ALL_PROXY, HTTPS_PROXY, HTTP_PROXY is http://, https://, socks5:// or socks5h://"


class ProxyError(Exception):
    """A proxy of the environment cannot be used; says which variables, and not the address."""


def address(service: str, host: str = "localhost", environ: Mapping[str, str] = os.environ) -> str:
    """Where a service of the stack is, by the environment's ports."""
    variable, port = PORTS[service]
    return f"http://{host}:{own(environ).get(variable) or port}"


def direct(url: str) -> bool:
    """Whether an address is on this machine, so that no proxy of the environment is for it."""
    return is_loopback(urlsplit(url).hostname or "")


def client(kind: type[T], url: str, timeout: float) -> T:
    """An httpx client for an address. ProxyError where a proxy of the environment cannot be used."""
    try:
        return kind(base_url=url, timeout=timeout, trust_env=not direct(url))
    except (ValueError, ImportError, httpx.InvalidURL) as error:  # its words may hold the proxy's password
        raise ProxyError(f"the proxy for {without_secrets(url)} cannot be used; {PROXIES}") from error


async def pages(api: str, prometheus: str) -> list[tuple[str, str]]:
    """(name, address) of everything to open, of what answers."""
    host = urlsplit(prometheus).hostname or "localhost"
    wanted = (
        ("API", f"{api}/docs", "/healthz"),
        ("metrics", f"{api}/metrics", ""),
        ("Prometheus", prometheus, "/-/ready"),
        ("Alertmanager", address("alertmanager", host), "/-/ready"),
        ("Grafana", address("grafana", host), "/api/health"),
    )
    return [(name, url) for name, url, path in wanted if await _answers(url, path)]


async def _answers(url: str, path: str) -> bool:
    place = urlsplit(url)
    probe = f"{place.scheme}://{place.netloc}{path}" if path else url
    async with client(httpx.AsyncClient, url, 2) as http:
        try:
            return (await http.get(probe)).is_success
        except httpx.HTTPError:
            return False
