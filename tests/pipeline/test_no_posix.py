"""Where a system lacks fcntl and forks: one process counts as anywhere, several say that each is alone."""

from __future__ import annotations

import subprocess
import sys

from support.metrics_page import total
from support.own_port import TESTS
from support.servers import HTTP, ROOT, run_app, wait_for

APP = "data.no_posix:app"
ENVIRON = {"PYTHONPATH": str(TESTS)}
ALONE = (
    "telemetry of several workers cannot be put together: "
    "[Errno 95] this system has no fcntl.flock: each process counts, and is scraped, alone"
)
EACH = """
import pkgutil, data.no_posix, telemetry
for found in pkgutil.walk_packages(telemetry.__path__, "telemetry."):
    __import__(found.name)
"""


def test_one_process_records_and_is_scraped() -> None:
    """To the last request, and without a complaint."""
    with run_app(APP, env=ENVIRON, ready="/items/1") as server:
        for _ in range(4):
            HTTP.get(f"{server.url}/items/2").raise_for_status()
        assert total(HTTP.get(f"{server.url}/metrics").text) == 5
        log = server.log.read_text()
    assert "fcntl" not in log
    assert "ERROR" not in log
    assert "Traceback" not in log


def test_each_of_several_workers_says_in_one_line_that_it_counts_alone() -> None:
    """It serves and is scraped all the same."""
    with run_app(APP, env=ENVIRON, ready="/items/1", flags=["--workers=2"]) as server:
        wait_for("both to start", lambda: server.log.read_text().count("Application startup complete") == 2)
        HTTP.get(f"{server.url}/items/2").raise_for_status()
        assert 1 <= total(HTTP.get(f"{server.url}/metrics").text) <= 2
        log = server.log.read_text()
    assert log.count(ALONE) == log.count("fcntl") == 2
    assert "Traceback" not in log


def test_every_module_of_telemetry_is_imported_there() -> None:
    """The doctor's and the test helpers' too."""
    subprocess.run([sys.executable, "-c", EACH], check=True, cwd=ROOT, env=ENVIRON)
