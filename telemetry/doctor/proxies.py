"""Proxies of the environment: past them on this machine, and named where one stands before a push."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, so that no proxy is for it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def get(url: str, **how: Any) -> Any:
    """GET by requests; an address on this machine is asked without a proxy."""
    import requests

    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        return session.get(url, **how)


def before(url: str) -> bool:
    """Whether a push by HTTP to this address would go through a proxy of the environment."""
    import requests

    return bool(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)))
