"""The requests' series that are there at 0 before anybody asks for the route."""

from __future__ import annotations

from collections.abc import Iterable

from telemetry.builtin import http_request_duration_seconds, http_requests_total


def routes(answers: Iterable[tuple[str, str, str]]) -> None:
    """Put every (method, endpoint template, status code) at 0."""
    for method, endpoint, status_code in answers:
        http_requests_total.preinitialise((method, endpoint, status_code))
        http_request_duration_seconds.preinitialise((method, endpoint))
