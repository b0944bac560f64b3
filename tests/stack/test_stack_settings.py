"""What the environment says about a stack, and what it becomes: flags, configuration, a supervisor's file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.servers import prometheus

from app.llm.settings import LLMSettings
from scripts.stack import flags, launch, render
from scripts.stack.environment import API_KEYS, changes, record
from scripts.stack.errors import StackError
from scripts.stack.settings import ROOT, StackSettings

PORTS = {
    "REVIEWLENS_PORT": "18000",
    "REVIEWLENS_PROMETHEUS_PORT": "19090",
    "REVIEWLENS_ALERTMANAGER_PORT": "19093",
    "REVIEWLENS_GRAFANA_PORT": "13001",
    "REVIEWLENS_LOOK_PORT": "13002",
}


def test_defaults_are_the_ports_and_folders_of_the_readme() -> None:
    """Without any setting: loopback, the well-known ports, folders that git ignores, the simulator."""
    settings = StackSettings.from_env({})
    assert settings.ports == {
        "api": 8000,
        "prometheus": 9090,
        "alertmanager": 9093,
        "grafana": 3001,
        "look": 3002,
        "simulator": 8090,
    }
    assert settings.run_dir == ROOT / ".run"
    assert settings.data_dir == ROOT / "monitoring/data"
    assert settings.state_dir == ROOT / ".run/state"
    assert (settings.api_host, settings.simulated, settings.default_ports) == ("127.0.0.1", True, True)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "80.5"])
def test_a_wrong_port_names_variable_value_and_expectation(value: str) -> None:
    """One sentence, before anything is started."""
    with pytest.raises(StackError) as error:
        StackSettings.from_env({"REVIEWLENS_GRAFANA_PORT": value})
    assert str(error.value) == (
        f"REVIEWLENS_GRAFANA_PORT={value!r}: expected a port, a whole number from 1 to 65535"
    )


def test_two_services_cannot_have_one_port() -> None:
    """The message names both variables."""
    with pytest.raises(StackError, match="REVIEWLENS_PORT and REVIEWLENS_PROMETHEUS_PORT are both 9090"):
        StackSettings.from_env({"REVIEWLENS_PORT": "9090"})


def test_a_folder_too_deep_for_a_socket_is_told_at_once() -> None:
    """The system's limit would else show as an error of supervisord."""
    with pytest.raises(StackError, match=r"is too long for a socket's name .*REVIEWLENS_RUN_DIR"):
        StackSettings.from_env({"REVIEWLENS_RUN_DIR": "/" + "deep/" * 20})


SECRETS = {
    "OPENAI_API_KEY": "secret-1",
    "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic secret-1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:secret-1@collector.example",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://user:pass/secret-1@collector.example",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector.example/v1/traces?key=secret-1",
    "OTEL_RESOURCE_ATTRIBUTES": "token=secret-1",
    "REVIEWLENS_SESSION_STORE": "redis://:pa/secret-1@redis.example:6379/0",
}


def test_what_a_stack_was_started_with_survives_its_file_without_a_secret(tmp_path: Path) -> None:
    """Values come back as they were; of a secret only whether it is still the same."""
    given = {
        **SECRETS,
        "REVIEWLENS_CORS_ORIGINS": "https://100%.example, é",
        "SHELL": "/bin/zsh",
        "OTEL_X": "",
    }
    settings = StackSettings.from_env(given)
    settings = replace(settings, run_dir=tmp_path)
    assert launch.launched(tmp_path) is None
    launch.write(settings, [])
    assert "secret-1" not in "".join(path.read_text() for path in tmp_path.iterdir())
    before = launch.launched(tmp_path)
    assert before is not None
    kept = before.settings
    assert kept == settings.recorded
    assert set(kept) == {*SECRETS, "REVIEWLENS_CORS_ORIGINS"}
    assert kept["REVIEWLENS_CORS_ORIGINS"] == "https://100%.example, é"
    assert not settings.simulated


@pytest.mark.parametrize("name", SECRETS)
def test_a_changed_secret_is_told_by_its_name_alone(name: str) -> None:
    """A new key, a key that goes, a key that comes; the same one is no change."""
    one, two = record({name: SECRETS[name]}), record({name: SECRETS[name].replace("1", "2")})
    assert changes(one, two) == changes(one, {}) == changes({}, one) == [name]
    assert changes(one, record({name: SECRETS[name]})) == []


def test_a_changed_setting_is_told_with_both_values() -> None:
    """Old, new, and what is not set."""
    before = record({"REVIEWLENS_PORT": "1", "REVIEWLENS_HOST": "localhost"})
    after = record({"REVIEWLENS_PORT": "2", "OTEL_SERVICE_NAME": "shop"})
    assert changes(before, after) == [
        "OTEL_SERVICE_NAME: (unset) -> shop",
        "REVIEWLENS_HOST: localhost -> (unset)",
        "REVIEWLENS_PORT: 1 -> 2",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OPENAI_API_KEY": "k"},
        {"OPENAI_API_KEY": " \n"},
        {"OPENAI_API_KEY": "k", "REVIEWLENS_LLM_PROVIDERS": "gemini, claude"},
        {"ANTHROPIC_API_KEY": "k", "REVIEWLENS_LLM_PROVIDERS": "gemini, claude"},
    ],
)
def test_stack_and_api_agree_on_who_answers(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack starts a simulator exactly when the API asks one."""
    for name in {*os.environ} & {*API_KEYS, "REVIEWLENS_LLM_PROVIDERS"}:
        monkeypatch.delenv(name)
    for name, value in {**environ, "REVIEWLENS_LLM_SIMULATOR_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    assert StackSettings.from_env(environ).simulated == LLMSettings.from_env().simulated


def test_prometheus_flags_follow_the_version() -> None:
    """The OTLP receiver is asked for from 3.0 on, and only of builds whose --help knows it."""
    words = {
        **StackSettings.from_env({}).chosen,
        "host": "127.0.0.1",
        "port": 9090,
        "config": "c.yml",
        "data": "d",
    }
    receiver = "--web.enable-otlp-receiver"
    old = flags.arguments("prometheus", "2.42.0", words, receiver)
    assert {
        "--config.file=c.yml",
        "--storage.tsdb.path=d",
        "--storage.tsdb.retention.time=15d",
        "--storage.tsdb.retention.size=10GB",
        "--web.listen-address=127.0.0.1:9090",
        "--web.enable-lifecycle",
        "--enable-feature=exemplar-storage",
    } <= set(old)
    assert flags.arguments("prometheus", "3.5.3", words, "") == old
    assert flags.arguments("prometheus", "3.5.3", words, receiver) == [*old, receiver]


def test_retention_is_a_setting() -> None:
    """15 days and 10 GB unless told otherwise."""
    assert flags.settings({}).items() >= {"retention_time": "15d", "retention_size": "10GB"}.items()
    settings = StackSettings.from_env({"REVIEWLENS_RETENTION_TIME": "1y30d12h"})
    words = {**settings.chosen, "host": "h", "port": 1, "config": "c", "data": "d"}
    assert "--storage.tsdb.retention.time=1y30d12h" in flags.arguments("prometheus", "3.5.3", words)


TIME, SIZE = "REVIEWLENS_RETENTION_TIME", "REVIEWLENS_RETENTION_SIZE"


@pytest.mark.parametrize(
    ("name", "text"),
    [(TIME, text) for text in ("15", "two weeks", "1.5d", "-1d", "0d", "12h1d", "1d1d", "15D", "300y", " 1d")]
    + [(SIZE, text) for text in ("10", "10gb", "1.5GB", "0GB", "-1GB", "1GB512MB", "8EB", "GB", "10 GB")],
)
def test_a_wrong_retention_is_refused_before_prometheus_does(name: str, text: str) -> None:
    """One sentence with name, value and expectation."""
    with pytest.raises(StackError) as error:
        StackSettings.from_env({name: text})
    expected = {
        TIME: "a duration above 0 such as 15d, 12h or 1y",
        SIZE: "a whole number above 0 with one of B, KB, MB, GB, TB, PB, EB, such as 10GB,",
    }
    assert str(error.value) == f"{name}={text!r}: {expected[name]} is expected."


@pytest.mark.parametrize("time", ["1y2w3d4h5m6s7ms", "90d", "292y"])
@pytest.mark.parametrize("size", ["512MB", "7EB", "1B"])
def test_a_retention_that_passes_is_one_that_prometheus_takes(time: str, size: str, tmp_path: Path) -> None:
    """It starts with these very words."""
    StackSettings.from_env({TIME: time, SIZE: size})
    kept = (f"--storage.tsdb.retention.time={time}", f"--storage.tsdb.retention.size={size}")
    with prometheus("global: {}", flags=kept) as server:
        assert server.api("status/flags")["storage.tsdb.retention.size"]


def test_with_default_ports_the_committed_configuration_is_used_as_it_is() -> None:
    """What is read in the repository is what runs."""
    assert render.prometheus_config(StackSettings.from_env({})) == ROOT / "monitoring/prometheus.yml"


def test_other_ports_are_rendered_into_a_copy_that_reads_the_committed_rules(tmp_path: Path) -> None:
    """Every target moves to this stack's port; nothing else differs from the committed file."""
    settings = StackSettings.from_env({**PORTS, "REVIEWLENS_RUN_DIR": str(tmp_path)})
    path = render.prometheus_config(settings)
    text = (ROOT / "monitoring/prometheus.yml").read_text()
    for default, port in (("8000", "18000"), ("9090", "19090"), ("9093", "19093")):
        text = text.replace(f"localhost:{default}", f"localhost:{port}")
    text = text.replace("alerts/*.yml", f"{ROOT}/monitoring/alerts/*.yml")
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(text)


def test_a_native_grafana_reads_this_machines_prometheus_and_dashboards(tmp_path: Path) -> None:
    """The committed provisioning names the container's; the copy keeps all else."""
    settings = StackSettings.from_env({**PORTS, "REVIEWLENS_RUN_DIR": str(tmp_path)})
    folder = render.grafana_provisioning(settings)
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards/dashboard.yml").read_text())["providers"][0]
    assert (source["url"], source["jsonData"]["timeInterval"]) == ("http://localhost:19090", "15s")
    assert provider["options"]["path"] == str(ROOT / "monitoring/grafana/dashboards")


def test_grafanas_password_is_random_private_and_kept(tmp_path: Path) -> None:
    """No default password: one that only its owner can read, the same as long as the data is there."""
    settings = StackSettings.from_env({"REVIEWLENS_DATA_DIR": str(tmp_path)})
    path = render.grafana_password(settings)
    first = path.read_text()
    assert len(first) >= 20 and path.stat().st_mode & 0o777 == 0o600
    assert render.grafana_password(settings).read_text() == first


def test_prometheus_is_given_the_token_and_the_port_of_the_metrics(tmp_path: Path) -> None:
    """In a copy for its owner alone, which names the token's file and never holds the token."""
    token = tmp_path / "token"
    token.write_text("s3cret")
    token.chmod(0o600)
    given = {
        "REVIEWLENS_RUN_DIR": str(tmp_path),
        "TELEMETRY_METRICS_TOKEN_FILE": str(token),
        "OTEL_EXPORTER_PROMETHEUS_PORT": "19464",
    }
    settings = StackSettings.from_env(given)
    assert settings.recorded["TELEMETRY_METRICS_TOKEN_FILE"] == str(token)
    path = render.prometheus_config(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert "s3cret" not in text
    jobs = {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}
    api = jobs.pop("reviewlens-backend")
    assert api["static_configs"][0]["targets"] == ["localhost:19464"]
    assert api["authorization"] == {"credentials_file": str(token)}
    assert all("authorization" not in job for job in jobs.values())
    assert render.prometheus_config(StackSettings.from_env({})) == render.PROMETHEUS


def test_a_token_that_cannot_be_used_is_said_in_the_services_own_words(tmp_path: Path) -> None:
    """Key, value and what was expected, before Prometheus is asked."""
    missing = {
        "REVIEWLENS_RUN_DIR": str(tmp_path),
        "TELEMETRY_METRICS_TOKEN_FILE": str(tmp_path / "missing"),
    }
    settings = StackSettings.from_env(missing)
    with pytest.raises(
        StackError,
        match=r"^TELEMETRY_METRICS_TOKEN_FILE='.*missing': No such file or directory; expected a file",
    ):
        render.prometheus_config(settings)
