"""Clients for the stack's addresses, and which of these answer."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from app.ports import address
from telemetry.loopback import is_loopback
from telemetry.secrets import without_secrets

T = TypeVar("T", httpx.Client, httpx.AsyncClient)
PROXIES = "a proxy in ALL_PROXY, HTTPS_PROXY, HTTP_PROXY is http://, https://, socks5:// or socks5h://"


class ProxyError(Exception):
    """A proxy of the environment cannot be used; says which variables, and not the address."""


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
        ("dashboards", address("look", host), "/healthz"),
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
