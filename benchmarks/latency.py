"""How long requests take while /metrics is scraped."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

from benchmarks import wrk
from benchmarks.contenders import BARE, OURS
from benchmarks.filling import LINES
from benchmarks.part import Part, Turn
from benchmarks.serving import served

CONNECTIONS = 4
SECONDS = 2
EVERY = 0.1
SCRAPED_LINES = 11_000
SCRAPED = f"{OURS}, scraped"


@contextmanager
def driven(name: str, scraped: bool = False) -> Iterator[Turn]:
    """Milliseconds within which 99 of 100 requests were answered."""
    with served(name, label_sets=SCRAPED_LINES // LINES if name == OURS else 0) as url:

        def turn() -> float:
            return wrk.p99(url, CONNECTIONS, SECONDS)

        def turn_scraped() -> float:
            with _scraping(url):
                return turn()

        yield turn_scraped if scraped else turn


@contextmanager
def _scraping(url: str) -> Iterator[None]:
    """Another client asks for /metrics, until the block ends."""
    ended = threading.Event()
    scraper = threading.Thread(target=_scrape, args=(urlsplit(url).netloc, ended))
    scraper.start()
    try:
        yield
    finally:
        ended.set()
        scraper.join()


def _scrape(address: str, ended: threading.Event) -> None:
    connection = http.client.HTTPConnection(address, timeout=30)
    while not ended.wait(EVERY):
        connection.request("GET", "/metrics")
        connection.getresponse().read()
    connection.close()


PART = Part(
    "latency",
    "99 of 100 requests while /metrics is scraped",
    "ms",
    f"uvicorn with one worker, kept busy by wrk with {CONNECTIONS} connections for {SECONDS} s a round. "
    f"Another client asks for {SCRAPED_LINES:,} lines and rests {EVERY:g} s each time. "
    "Bare has the same load, unscraped.",
    {
        BARE: partial(driven, BARE),
        f"{OURS}, not scraped": partial(driven, OURS),
        SCRAPED: partial(driven, OURS, scraped=True),
    },
    base=BARE,
    added=True,
)
