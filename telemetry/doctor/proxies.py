"""Proxies of the environment: past them on this machine, and named where one stands before a push."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from telemetry.loopback import is_loopback


def get(url: str, **how: Any) -> Any:
    """GET by requests; an address on this machine is asked without a proxy."""
    import requests

    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        return session.get(url, **how)


def before(url: str) -> bool:
    """Whether a push by HTTP to this address would go through a proxy of the environment."""
    import requests

    if is_loopback(urlsplit(url).hostname or ""):
        return False
    return bool(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)))
