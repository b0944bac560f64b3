"""What `make up` shows at the end: a few real requests, and what Prometheus then says."""

from __future__ import annotations

import time

import httpx

from scripts.stack.errors import StackError
from scripts.stack.settings import Settings

REQUESTS = 5
SCRAPED_WITHIN_SECONDS = 30.0


def drive(settings: Settings) -> None:
    """Ask the API for its products and wait until Prometheus holds at least these requests."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        for _ in range(REQUESTS):
            client.get(f"{settings.url('api')}/api/products").raise_for_status()
        query = 'sum(http_requests_total{endpoint="/api/products",status_code="200"})'
        deadline = time.monotonic() + SCRAPED_WITHIN_SECONDS
        while (held := _ask(client, settings, query)) < REQUESTS:
            if time.monotonic() > deadline:
                raise StackError(
                    f"Prometheus holds {held:g} of {REQUESTS} requests after {SCRAPED_WITHIN_SECONDS:g} s; "
                    f"see {settings.url('prometheus')}/targets."
                )
            time.sleep(0.5)
    print(f"Prometheus says: {query} = {held:g}")


def _ask(client: httpx.Client, settings: Settings, query: str) -> float:
    answer = client.get(f"{settings.url('prometheus')}/api/v1/query", params={"query": query}).json()
    rows = answer["data"]["result"]
    return float(rows[0]["value"][1]) if rows else 0.0
