"""The environment's proxies for the SDKs' HTTP clients, and why a proxy is unusable."""

from __future__ import annotations

import os
from importlib.util import find_spec
from urllib.request import getproxies

SCHEMES = ("http", "https", "socks5", "socks5h")


def fault() -> str:
    """Why a proxy of the environment is unusable, or "".

    Names the variable and the scheme: the address may hold a password. A client is made with all proxies, so
    an unusable proxy fails every request, even under NO_PROXY.
    """
    proxies = getproxies()
    if "*" in [host.strip() for host in proxies.get("no", "").split(",")]:
        return ""
    named = ((kind, proxies[kind]) for kind in ("http", "https", "all") if proxies.get(kind))
    return next(filter(None, (_fault(_variable(kind), url) for kind, url in named)), "")


def _fault(variable: str, url: str) -> str:
    scheme, separator, _ = url.partition("://")
    scheme = scheme.lower() if separator else "http"
    if scheme not in SCHEMES:
        # A scheme ends at "://": before it stands no address.
        return f"{variable} names a proxy of scheme {scheme!r}, expected one of {', '.join(SCHEMES)}"
    if scheme.startswith("socks") and find_spec("socksio") is None:
        return f"{variable} names a {scheme} proxy, which needs the package httpx[socks]"
    return "" if _is_url(url if separator else f"http://{url}") else f"{variable} is no URL of a proxy"


def _is_url(text: str) -> bool:
    import httpx

    try:
        return bool(httpx.URL(text).host)
    except httpx.InvalidURL:
        return False


def _variable(kind: str) -> str:
    name = f"{kind}_proxy"
    return next((each for each in (name, name.upper()) if os.environ.get(each)), f"the system's {name}")
