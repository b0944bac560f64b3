"""Before a stack ends, Prometheus gets the last numbers, and sees the end of the ended series."""

from __future__ import annotations

import time

from app.demo.scraped import SCRAPE_SECONDS
from scripts.stack.cache import Say
from scripts.stack.errors import StackError
from scripts.stack.modes import OTLP
from scripts.stack.prometheus import StackPrometheus
from scripts.stack.settings import StackSettings
from scripts.stack.supervisor import Supervisor

PATIENCE_SECONDS = 1.5 * SCRAPE_SECONDS
# Prometheus moves the time of a scrape by up to 2 ms, to keep its intervals even.
_ALIGNED_SECONDS = 0.005


def drain(supervisor: Supervisor, say: Say, *, to_another_mode: bool) -> None:
    """Stop Prometheus's sources one after the other, each with one more scrape; everything else goes on.

    A pushing API pushes a last time when it stops, and then the collector is scraped once more; a scraped API
    is scraped once more before it stops. In another mode its series have another job and instance: a failing
    scrape ends the old series, which Prometheus would otherwise return for five minutes beside the new ones.
    """
    settings = supervisor.started_with()
    pushed = settings.mode == OTLP
    if not (pushed or to_another_mode):
        return
    running = {name for name, state in supervisor.states().items() if state["statename"] == "RUNNING"}
    if "prometheus" not in running:
        return
    page = "collector-scrape" if pushed else "api"
    if not pushed and "api" in running:
        _scraped_again(settings, page)
    for service in ("api", "collector") if pushed and to_another_mode else ("api",):
        if service in running:
            say(f"  {service:<13} stopped; waiting for Prometheus to scrape once more")
            supervisor.stop(service)
            if not _scraped_again(settings, page):
                say(f"  prometheus    has not scraped within {PATIENCE_SECONDS:g} s; going on without")


def _scraped_again(settings: StackSettings, port: str) -> bool:
    """Wait for a scrape that begins from now on, well or not."""
    prometheus = StackPrometheus(settings.url("prometheus"))
    number = settings.metrics_port if port == "api" else settings.ports[port]
    asked = f'timestamp(up{{instance="localhost:{number}"}})'
    since = time.time() + _ALIGNED_SECONDS
    while time.time() < since + PATIENCE_SECONDS:
        try:
            if any(moment > since for _, moment in prometheus.query(asked)):
                return True
        except StackError:
            return False
        time.sleep(0.1)
    return False
