"""The helpers of tests/support/servers.py on real servers."""

from __future__ import annotations

import pytest
from support.servers import alertmanager, free_port, prometheus, wait_for

CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["alerts/*.yml"]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["localhost:PORT"]}]
"""
RULES = """
groups:
  - name: self
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
"""


@pytest.mark.parametrize("version", ["2.42", "3.5", pytest.param("3.12", marks=pytest.mark.built)])
def test_prometheus_scrapes_and_answers(version: str) -> None:
    """Each version that our configurations must load in starts, scrapes, evaluates rules and answers."""
    port = free_port()
    config = CONFIG.replace("PORT", str(port))
    with prometheus(config, rules={"alerts/self.yml": RULES}, version=version, port=port) as prom:
        wait_for("the recording rule", lambda: prom.value("job:up:sum") == 1)
        assert prom.api("status/buildinfo")["version"].startswith(version + ".")
        assert [rule["name"] for rule in prom.rules()] == ["job:up:sum"]
        assert prom.health() == {f"http://localhost:{port}/metrics": "up"}
        assert prom.metadata()["prometheus_build_info"]["type"] == "gauge"
        assert prom.query("vector(7)")[0].value == prom.value("scalar(vector(7))") == 7


def test_alertmanager_starts() -> None:
    """Alertmanager serves its API with the smallest configuration."""
    with alertmanager("route: {receiver: none}\nreceivers: [{name: none}]\n") as server:
        assert server.get("/api/v2/alerts").json() == []


def test_a_wait_that_fails_tells_what_it_waited_for() -> None:
    """The message holds the description and the last thing seen, so that a red test explains itself."""
    with pytest.raises(AssertionError, match=r"waited 0 s for the moon; last seen: \[\]"):
        wait_for("the moon", list, seconds=0)
