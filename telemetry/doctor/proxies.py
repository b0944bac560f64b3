"""Proxies of the environment: past them on this machine, and named where one stands before a push."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from telemetry.loopback import is_loopback

LONGEST = 64 << 20
"""Bytes of an answer. 100,000 series are some 10 MB."""


def get(url: str, **how: Any) -> Any:
    """GET by requests; an address on this machine is asked without a proxy. `timeout` is for a whole answer.
    Raises requests.RequestException, also for one that is too long."""
    from requests.exceptions import ContentDecodingError

    from telemetry.intime import InTimeSession

    with InTimeSession() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        with session.get(url, **how, stream=True) as response:
            pieces, length = [], 0
            for piece in response.iter_content(1 << 16):
                pieces.append(piece)
                length += len(piece)
                if length > LONGEST:
                    raise ContentDecodingError(f"the answer has more than {LONGEST:,} bytes")
            response._content = b"".join(pieces)  # what .content would have read without a bound
            return response


def before(url: str) -> bool:
    """Whether a push by HTTP to this address would go through a proxy of the environment."""
    import requests

    if is_loopback(urlsplit(url).hostname or ""):
        return False
    return bool(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)))
