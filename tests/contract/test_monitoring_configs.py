"""The Prometheus configs, and what Grafana is provisioned with: the specification's values, in servers.

Intervals are held against monitoring/intervals.yaml in test_intervals.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from support.servers import free_port, prometheus

from app.product import PRODUCT
from monitoring.targets import HERE, read_rules
from scripts.stack.flags import arguments, settings

NATIVE = HERE / "prometheus.yml"
DOCKER = HERE / "prometheus" / "prometheus.yml"
RULES = sorted(rule.name for rule in read_rules())
GRAFANA = HERE / "grafana" / "provisioning"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def as_compose_mounts_it(folder: Path) -> Path:
    """The Docker config and the alerts as they lie in a container, side by side."""
    shutil.copy(DOCKER, folder / "prometheus.yml")
    shutil.copytree(HERE / "alerts", folder / "alerts")
    return folder / "prometheus.yml"


@pytest.mark.parametrize("version", ["2.42", "3.5"])
@pytest.mark.parametrize("place", ["native", "docker, in the repository", "docker, as mounted"])
def test_prometheus_loads_every_rule_under_each_config(place: str, version: str, tmp_path: Path) -> None:
    """As often as in the files, by its own list: a glob that finds nothing would load silently."""
    config = {"native": NATIVE, "docker, in the repository": DOCKER}.get(place)
    with prometheus(config or as_compose_mounts_it(tmp_path), version=version) as server:
        loaded = [rule["name"] for rule in server.rules()]
    assert "HighErrorRate" in loaded
    assert sorted(loaded) == RULES


def test_scrape_configs_are_the_specification_s() -> None:
    """Jobs, addresses and labels; app jobs keep the labels of what they scrape."""
    told = {path: list(_jobs(read(path))) for path in (NATIVE, DOCKER)}
    crawler = {"service": "crawl-script", "component": "crawler"}
    backend = {"service": "reviewlens-api", "component": "backend"}
    assert told[NATIVE] == [
        ("prometheus", "localhost:9090", {}, False),
        ("reviewlens-backend", "localhost:8000", {"service": "reviewlens-api", "env": "dev"}, True),
        ("crawl-script", "localhost:8001", crawler, True),
    ]
    assert told[DOCKER] == [
        ("reviewlens-api", "host.docker.internal:8000", backend, True),
        ("prometheus", "localhost:9090", {}, False),
        ("crawl-script", "host.docker.internal:8001", crawler, True),
    ]
    assert {name for name, *_, honors in told[NATIVE] + told[DOCKER] if honors} == {
        *PRODUCT.jobs,
        *PRODUCT.optional_jobs,
    }, "app/product.py says so to the doctor"
    drop = [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}]
    assert read(NATIVE)["scrape_configs"][1]["metric_relabel_configs"] == drop


def _jobs(config: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str], bool]]:
    for job in config["scrape_configs"]:
        (static,) = job["static_configs"]
        (address,) = static["targets"]
        yield job["job_name"], address, static.get("labels", {}), job.get("honor_labels", False)


@pytest.mark.parametrize(
    ("path", "labels", "alertmanager"),
    [
        (NATIVE, {"monitor": "reviewlens-monitor", "environment": "development"}, "localhost:9093"),
        (DOCKER, {"cluster": "reviewlens", "environment": "development"}, "alertmanager:9093"),
    ],
    ids=["native", "docker"],
)
def test_global_values_are_the_specification_s(path: Path, labels: dict[str, str], alertmanager: str) -> None:
    """External labels, and the Alertmanager that alerts go to."""
    config = read(path)
    assert config["global"]["external_labels"] == labels
    assert config["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}


@pytest.mark.parametrize("version", ["2.42", "3.5"])
def test_the_link_of_an_alert_opens_its_runbook(version: str) -> None:
    """Prometheus serves the runbooks itself; with the flags that the stack gives it, the link leads there."""
    port = free_port()
    flags = [
        flag for flag in stack_flags(port) if flag.startswith(("--web.user-assets", "--web.external-url"))
    ]
    assert len(flags) == 2
    with prometheus(NATIVE, version=version, port=port, flags=flags):
        for rule in read_rules():
            if rule.is_alert:
                link = rule.annotations["runbook_url"].replace(
                    "{{ $externalURL }}", f"http://localhost:{port}"
                )
                assert httpx.get(link).text.startswith(f"# {rule.name}\n"), link


def stack_flags(port: int) -> list[str]:
    """What the stack starts Prometheus with."""
    words = {**settings({}), "host": "127.0.0.1", "port": port, "config": "c", "data": "d"}
    return arguments("prometheus", "3.5.3", words)


def test_the_data_source_says_the_scrape_interval_as_a_string() -> None:
    """Grafana rejects a number; a panel's smallest rate window is four times this."""
    (source,) = read(GRAFANA / "datasources" / "prometheus.yml")["datasources"]
    del source["jsonData"]["exemplarTraceIdDestinations"]  # test_trace_link.py
    assert source == {
        "name": "Prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus:9090",
        "isDefault": True,
        "editable": True,
        "jsonData": {"timeInterval": read(NATIVE)["global"]["scrape_interval"]},
    }


def test_grafana_loads_dashboards_from_a_folder_every_ten_seconds() -> None:
    """The provider of the specification."""
    (provider,) = read(GRAFANA / "dashboards" / "dashboard.yml")["providers"]
    assert provider == {
        "name": "ReviewLens Dashboards",
        "orgId": 1,
        "folder": "",
        "type": "file",
        "disableDeletion": False,
        "updateIntervalSeconds": 10,
        "allowUiUpdates": True,
        "options": {"path": "/var/lib/grafana/dashboards", "foldersFromFilesStructure": False},
    }
