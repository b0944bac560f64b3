"""Every Prometheus that runs asks first for the text that carries exemplars; no configuration forbids it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from support.http_server import QuietHandler, http_server
from support.paths import shortened
from support.servers import free_port, prometheus, wait_for

from monitoring.targets import HERE
from scripts.stack.manifest import programs

VERSIONS = tuple(version.rpartition(".")[0] for version in programs()["prometheus"].versions)
CONFIGS = [
    path for path in sorted(HERE.glob("**/prometheus*.yml")) if "scrape_configs:" in path.read_text("utf-8")
]
CHOOSING = {"scrape_protocols", "fallback_scrape_protocol"}


@contextmanager
def accepted() -> Iterator[tuple[int, list[str]]]:
    """The port of a target without numbers, and the Accept header of each scrape of it."""
    heard: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Accept"])
            self.answer(200, Content_Type="text/plain; version=0.0.4")

    with http_server(Handler) as url:
        yield int(url.rpartition(":")[2]), heard


@pytest.mark.parametrize("version", VERSIONS)
def test_a_scrape_prefers_openmetrics(version: str) -> None:
    """The service and the collector give exemplars in it alone."""
    with accepted() as (port, heard):
        own = free_port()
        moved = {"localhost:8000": f":{port}", "localhost:9090": f":{own}"}
        with prometheus(shortened("prometheus.yml", version, moved), version=version, port=own):
            wait_for("a scrape", lambda: heard)
    wanted = {word.partition(";")[0]: quality(word) for word in reversed(heard[0].split(","))}
    first = wanted.pop("application/openmetrics-text")
    assert wanted["text/plain"] < first
    assert max(wanted.values()) < first


def quality(word: str) -> float:
    """How much one media type of an Accept header is wanted."""
    return float(word.partition(";q=")[2] or 1)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(HERE)))
def test_no_configuration_chooses_another_text(path: Path) -> None:
    """For a job or for all: the default is left to each version."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [job["job_name"] for job in config["scrape_configs"] if CHOOSING & job.keys()] == []
    assert not CHOOSING & config["global"].keys()
