"""Proxies of the environment: past them on this machine, and named where one stands before a push."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from telemetry.loopback import is_loopback

LONGEST = 64 << 20
"""Bytes of an answer. 100,000 series are some 10 MB."""


def get(url: str, **how: Any) -> Any:
    """See request()."""
    return request("GET", url, **how)


def request(method: str, url: str, **how: Any) -> Any:
    """An answer by requests; an address on this machine is asked without a proxy. `timeout` is for a whole
    answer. Raises requests.RequestException, also for one that is too long."""
    from telemetry.push.deadline import InTimeSession
    from telemetry.push.limited import read

    deadline = time.monotonic() + how["timeout"]
    with InTimeSession() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        with session.request(method, url, **how, stream=True) as response:
            response._content = read(response, LONGEST, deadline)  # what .content would read without a limit
            return response


def before(url: str) -> bool:
    """Whether a push by HTTP to this address would go through a proxy of the environment."""
    import requests

    if is_loopback(urlsplit(url).hostname or ""):
        return False
    return bool(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)))
