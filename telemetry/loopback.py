"""This machine's own addresses, for which no proxy of the environment is meant."""

from __future__ import annotations

import ipaddress

GRPC_DIRECT = (("grpc.enable_http_proxy", 0),)
"""Options of a grpc channel that asks no proxy."""
HTTP_DIRECT = {"http": "", "https": ""}
"""Proxies for requests: none, whatever the environment names."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by address or as localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
