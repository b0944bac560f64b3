"""The configs of the collector: each loads, in ours and in the official one, and keeps the same promises."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.servers import ROOT

from scripts.stack.binaries import obtain

pytestmark = pytest.mark.built

FOLDER = ROOT / "otel-collector"
CONFIGS = sorted(FOLDER.glob("config*.yaml"))
CONTRIB = yaml.safe_load((ROOT / "tests/data/contrib_components.yaml").read_text(encoding="utf-8"))
VARIABLE = re.compile(r"\$\{env:(\w+)(?::-((?:[^{}]|\{[^{}]*\})*))?\}")
CREDENTIALS = {
    "GRAFANA_CLOUD_OTLP_ENDPOINT": "https://otlp.example/otlp",
    "GRAFANA_CLOUD_INSTANCE_ID": "123456",
    "GRAFANA_CLOUD_API_KEY": "not-a-key",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "not-a-key",
    "AWS_SECRET_ACCESS_KEY": "not-a-key",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def stem(path: Path) -> str:
    return path.name


def read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return config


def validate(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [obtain("otelcol"), "validate", f"--config={path}"],
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_every_config_loads(path: Path) -> None:
    """The collector has every component, and knows every key; nothing is deprecated."""
    done = validate(path, **CREDENTIALS)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_slip_in_a_config_is_found(tmp_path: Path) -> None:
    """`validate` can fail: a key that no component has."""
    slip = tmp_path / "config.yaml"
    slip.write_text((FOLDER / "config.yaml").read_text().replace("metric_expiration", "metric_expiry"))
    assert "metric_expiry" in validate(slip).stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("config.grafana-cloud.yaml", "at least one endpoint must be specified"),
        ("config.cloudwatch.yaml", "could not retrieve credential provider"),
    ],
)
def test_without_its_settings_a_config_does_not_load(name: str, told: str) -> None:
    """Rather than pushes that are refused one by one."""
    nothing = dict.fromkeys(CREDENTIALS, "") | {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-west-1",
    }
    done = validate(FOLDER / name, **nothing)
    assert done.returncode == 1
    assert told in done.stderr


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_the_official_release_has_every_component(path: Path) -> None:
    """By the list of the version that ours is built from."""
    config = read(path)
    for part in ("receivers", "processors", "exporters", "extensions"):
        assert set(config[part]) <= set(CONTRIB[part])
    manifest = yaml.safe_load((FOLDER / "builder.yaml").read_text(encoding="utf-8"))
    assert f"v{manifest['dist']['version']}" == CONTRIB["version"]


def test_the_collector_is_what_the_manifest_says() -> None:
    """Every component of builder.yaml, at its version; ours has nothing else, the official one has more."""
    program = obtain("otelcol")
    shown = subprocess.run([program, "components"], capture_output=True, text=True, check=True)
    components = yaml.safe_load(shown.stdout)
    manifest = yaml.safe_load((FOLDER / "builder.yaml").read_text(encoding="utf-8"))
    for part in ("receivers", "processors", "exporters", "extensions"):
        modules = {row["module"]: row["name"] for row in components[part]}
        wanted = {row["gomod"] for row in manifest[part]}
        assert {modules.get(module) for module in wanted} == set(CONTRIB[part])
        assert set(modules) == wanted or program.name == "otelcol-contrib"


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_the_memory_limiter_comes_first_in_every_pipeline(path: Path) -> None:
    """Else something is done for what is then refused."""
    pipelines = read(path)["service"]["pipelines"]
    assert {pipeline["processors"][0] for pipeline in pipelines.values()} == {"memory_limiter"}


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_everything_listens_on_loopback_unless_told_otherwise(path: Path) -> None:
    """Receivers, health check, exporter, own metrics: all on the one host of the settings."""
    config = read(path)
    host = "${env:REVIEWLENS_COLLECTOR_HOST:-127.0.0.1}"
    own = config["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"]
    listeners = [
        *(protocol["endpoint"] for protocol in config["receivers"]["otlp"]["protocols"].values()),
        config["extensions"]["health_check"]["endpoint"],
        *(exporter["endpoint"] for name, exporter in config["exporters"].items() if name == "prometheus"),
        own["host"] + ":",
    ]
    assert [listener for listener in listeners if not listener.startswith(host + ":")] == []


@pytest.mark.parametrize("name", ["prometheus-otlp", "grafana-cloud", "cloudwatch"])
def test_what_is_sent_on_waits_on_disk_for_as_long_as_it_takes(name: str) -> None:
    """A queue in file storage, no end of retries, one sender at a time so that order is kept."""
    config = read(FOLDER / f"config.{name}.yaml")
    (exporter,) = config["exporters"].values()
    assert exporter["sending_queue"]["storage"] == "file_storage"
    assert exporter["sending_queue"]["num_consumers"] == 1
    assert exporter["retry_on_failure"] == {"max_elapsed_time": 0}
    assert "file_storage" in config["service"]["extensions"]


def test_no_config_holds_a_secret() -> None:
    """User names and passwords are variables without a default."""
    auth = read(FOLDER / "config.grafana-cloud.yaml")["extensions"]["basicauth"]["client_auth"]
    assert auth == {
        "username": "${env:GRAFANA_CLOUD_INSTANCE_ID}",
        "password": "${env:GRAFANA_CLOUD_API_KEY}",
    }


def test_the_table_of_settings_is_that_of_the_configs() -> None:
    """Every variable with its default, in every config the same."""
    texts = [re.sub(r"^#.*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in CONFIGS]
    used = {pair for text in texts for pair in VARIABLE.findall(text)}
    nested = {pair for _, default in used for pair in VARIABLE.findall(default)}
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted(used | nested)
