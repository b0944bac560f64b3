"""What the environment says about a stack, and what it becomes: flags, configuration, a supervisor's file."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from scripts.stack import flags, render
from scripts.stack.errors import StackError
from scripts.stack.services import Service
from scripts.stack.settings import ROOT, Settings
from scripts.stack.supervisor import commands, configuration

PORTS = {
    "REVIEWLENS_PORT": "18000",
    "REVIEWLENS_PROMETHEUS_PORT": "19090",
    "REVIEWLENS_ALERTMANAGER_PORT": "19093",
    "REVIEWLENS_GRAFANA_PORT": "13001",
}


def test_defaults_are_the_ports_and_folders_of_the_readme() -> None:
    """Without any setting: loopback, the well-known ports, folders that git ignores, the simulator."""
    settings = Settings.from_env({})
    assert settings.ports == {
        "api": 8000,
        "prometheus": 9090,
        "alertmanager": 9093,
        "grafana": 3001,
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
        Settings.from_env({"REVIEWLENS_GRAFANA_PORT": value})
    assert str(error.value) == (
        f"REVIEWLENS_GRAFANA_PORT={value!r} is no port; a number from 1 to 65535 is expected."
    )


def test_two_services_cannot_have_one_port() -> None:
    """The message names both variables."""
    with pytest.raises(StackError, match="REVIEWLENS_PORT and REVIEWLENS_PROMETHEUS_PORT are both 9090"):
        Settings.from_env({"REVIEWLENS_PORT": "9090"})


def test_a_folder_too_deep_for_a_socket_is_told_at_once() -> None:
    """The system's limit would else show as an error of supervisord."""
    with pytest.raises(StackError, match=r"is too long for a socket's name .*REVIEWLENS_RUN_DIR"):
        Settings.from_env({"REVIEWLENS_RUN_DIR": "/" + "deep/" * 20})


def test_the_digest_changes_with_a_setting_and_hides_its_value() -> None:
    """A new key starts the API anew; the key itself is written nowhere."""
    one = Settings.from_env({"OPENAI_API_KEY": "secret-1"})
    two = Settings.from_env({"OPENAI_API_KEY": "secret-2"})
    assert one.digest != two.digest
    assert one.digest == Settings.from_env({"OPENAI_API_KEY": "secret-1", "SHELL": "/bin/zsh"}).digest
    assert not one.simulated
    assert "secret-1" not in configuration(one, [])


def test_prometheus_flags_follow_the_version() -> None:
    """The OTLP receiver is asked for from 3.0 on, and only of builds whose --help knows it."""
    words = {"host": "127.0.0.1", "port": 9090, "config": "c.yml", "data": "d"}
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


def test_retention_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """15 days and 10 GB unless told otherwise."""
    assert flags.settings() == {"retention_time": "15d", "retention_size": "10GB"}
    monkeypatch.setenv("REVIEWLENS_RETENTION_TIME", "30d")
    words = {"host": "h", "port": 1, "config": "c", "data": "d"}
    assert "--storage.tsdb.retention.time=30d" in flags.arguments("prometheus", "3.5.3", words)


def test_with_default_ports_the_committed_configuration_is_used_as_it_is() -> None:
    """What is read in the repository is what runs."""
    assert render.prometheus_config(Settings.from_env({})) == ROOT / "monitoring/prometheus.yml"


def test_other_ports_are_rendered_into_a_copy_with_the_rules_beside_it(tmp_path: Path) -> None:
    """Every target moves to this stack's port; nothing else differs from the committed file."""
    settings = Settings.from_env({**PORTS, "REVIEWLENS_RUN_DIR": str(tmp_path)})
    path = render.prometheus_config(settings)
    text = (ROOT / "monitoring/prometheus.yml").read_text()
    for default, port in (("8000", "18000"), ("9090", "19090"), ("9093", "19093")):
        text = text.replace(f"localhost:{default}", f"localhost:{port}")
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(text)
    rules = {rule.name for rule in (ROOT / "monitoring/alerts").glob("*.yml")}
    assert {rule.name for rule in path.parent.glob("alerts/*.yml")} == rules


def test_a_native_grafana_reads_this_machines_prometheus_and_dashboards(tmp_path: Path) -> None:
    """The committed provisioning names the container's; the copy keeps all else."""
    settings = Settings.from_env({**PORTS, "REVIEWLENS_RUN_DIR": str(tmp_path)})
    folder = render.grafana_provisioning(settings)
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards/dashboard.yml").read_text())["providers"][0]
    assert (source["url"], source["jsonData"]["timeInterval"]) == ("http://localhost:19090", "15s")
    assert provider["options"]["path"] == str(ROOT / "monitoring/grafana/dashboards")


def test_grafanas_password_is_random_private_and_kept(tmp_path: Path) -> None:
    """No default password: one that only its owner can read, the same as long as the data is there."""
    settings = Settings.from_env({"REVIEWLENS_DATA_DIR": str(tmp_path)})
    path = render.grafana_password(settings)
    first = path.read_text()
    assert len(first) >= 20 and path.stat().st_mode & 0o777 == 0o600
    assert render.grafana_password(settings).read_text() == first


def test_a_command_survives_the_supervisors_file(tmp_path: Path) -> None:
    """Blanks, quotes, percent signs and empty values come back as they went in."""
    settings = Settings.from_env({"REVIEWLENS_RUN_DIR": str(tmp_path)})
    command = ("/a home/program", "--empty=", "--format=100%", "it's", '"quoted"')
    conf = tmp_path / "supervisord.conf"
    conf.write_text(configuration(settings, [Service("prometheus", command, 1, "/")]))
    assert commands(conf) == {"prometheus": list(command)}
    assert shlex.quote("it's") in conf.read_text()
