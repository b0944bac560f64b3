"""The compose files say what other files say: versions, flags, names; each service may do little."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from support.compose import FILES, PASSWORD, VERSIONS, ComposeService, config, rendered, services
from support.dockerfile import DOCKERFILE, stages
from support.servers import ROOT

from app.ports import PORTS
from monitoring.targets import HERE
from scripts.stack import flags
from scripts.stack.manifest import programs
from telemetry.look.command import read

ALL = [
    pytest.param(file, name, id=f"{name} of {file}")
    for file in FILES
    for name in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]
]
ROOTS = {
    "prometheus": "prom/prometheus:v",
    "alertmanager": "prom/alertmanager:v",
    "grafana": "grafana/grafana:",
}
TOOLS = {**ROOTS, "otelcol": "otel/opentelemetry-collector-contrib:"}
REFUSAL = (
    "Grafana's admin has no password. Run scripts/make_dotenv.sh once, it writes a random one into .env\n"
)
FINAL = stages(DOCKERFILE.read_text(encoding="utf-8"))[-1]


def on_this_machine(path: str, service: ComposeService) -> str:
    """A place in a container as the file of this project that is mounted there; a volume as it is."""
    for mount in sorted(service.mounts, key=lambda mount: -len(mount.target)):
        if path == mount.target or path.startswith(mount.target + "/"):
            if not mount.source.startswith("/"):
                return path
            return str(Path(mount.source + path[len(mount.target) :]).relative_to(ROOT))
    return path


@pytest.mark.parametrize("file", FILES)
def test_both_versions_of_docker_compose_read_the_same(file: str) -> None:
    """1.29 of Debian 12 and 2 load each file, with no warning, and understand it alike."""
    old, new = (services(file, version) for version in VERSIONS)
    assert old == new
    assert [config(version, file, **PASSWORD).stderr for version in VERSIONS] == ["", ""]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_password_every_command_reads_the_file(file: str, version: str) -> None:
    """`down`, `logs` and `config` need no .env; nothing is warned of, and both ways are read alike."""
    for environ in ({}, {"GRAFANA_ADMIN_PASSWORD": ""}):
        read = config(version, file, **environ)
        assert (read.returncode, read.stderr) == (0, "")
        grafana = yaml.safe_load(read.stdout)["services"]["grafana"]
        assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == ""


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("password", "code", "said"),
    [(None, 1, REFUSAL), ("", 1, REFUSAL), (" \t", 1, REFUSAL), ("s3cret", 0, ""), ("a b$c'\"", 0, "")],
)
def test_grafana_starts_with_a_password_alone(
    file: str, version: str, password: str | None, code: int, said: str, tmp_path: Path
) -> None:
    """Its start refuses in one line that names the command; an empty one would be admin's admin."""
    run = tmp_path / "run.sh"
    run.write_text('#!/bin/sh\necho "started $0 $*"\n')
    run.chmod(0o755)
    entry = rendered(file, version)["services"]["grafana"]["entrypoint"]
    # 2.40 prints a dollar sign as it would have to be written again.
    words = [word.replace("$$", "$").replace("/run.sh", str(run)) for word in entry]
    environ = {} if password is None else {"GF_SECURITY_ADMIN_PASSWORD": password}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)
    assert done.stdout == ("" if code else f"started {run} \n")


@pytest.mark.parametrize("file", FILES)
def test_down_with_volumes_leaves_nothing_that_the_file_made(file: str) -> None:
    """Every volume that is mounted is the file's own; the dialogues' belongs to the whole stack alone."""
    whole = rendered(file)
    mounted = {
        mount.source
        for service in services(file).values()
        for mount in service.mounts
        if not mount.source.startswith("/")
    }
    assert mounted == set(whole["volumes"])
    assert not any(row.get("external") for row in (*whole["volumes"].values(), *whole["networks"].values()))
    assert ("state" in mounted) == (file == "docker-compose.yml")


@pytest.mark.parametrize(("file", "name"), ALL)
def test_a_service_may_do_no_more_than_it_must(file: str, name: str) -> None:
    """No root, no privilege, a read-only root folder, bounds on memory and logs, loopback; it comes back."""
    service = services(file)[name]
    assert service.keys["read_only"] is True
    assert service.keys["cap_drop"] == ["ALL"]
    assert service.keys["security_opt"] == ["no-new-privileges:true"]
    assert service.keys["restart"] == "unless-stopped"
    assert service.keys["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    user = FINAL.said("USER") if service.keys["build"] else str(service.user)
    assert int(user.split(":")[0]) > 0
    assert 2**26 <= service.memory <= 2**30
    assert {address for address, _, _ in service.ports} == {"127.0.0.1"}
    assert all(mount.read_only for mount in service.mounts if mount.source.startswith("/"))
    assert service.keys["container_name"] == f"reviewlens_{service.name}"


@pytest.mark.parametrize(("file", "name"), ALL)
def test_a_service_has_a_health_check(file: str, name: str) -> None:
    """Its own port on its own loopback. The API's is in its image; the collector's image can ask nothing."""
    service = services(file)[name]
    ports = {target for _, _, target in service.ports}
    check = service.keys.get("healthcheck", {"test": []})["test"]
    if service.name in {"api", "collector"}:
        assert check == []
        assert FINAL.command("HEALTHCHECK")[0] == "python"
    elif service.name == "look":  # the image has no wget
        assert check[:3] == ["CMD", "python", "-c"]
        assert f"HTTPConnection('127.0.0.1', {PORTS['look'][1]}, " in check[3]
    else:
        address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/[-/a-z]+", check[-1])
        assert check[:-1] == ["CMD", "wget", "-q", "--spider"]
        assert address and int(address[1]) in ports


def test_images_are_the_versions_that_run_natively() -> None:
    """scripts/binaries.yaml, by tag. Ours is built here."""
    pinned = {repository + programs()[tool].versions[0] for tool, repository in TOOLS.items()}
    used = {row.image for file in FILES for row in services(file).values()}
    assert used == {*pinned, "reviewlens-api:latest"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("program", ["prometheus", "alertmanager"])
def test_a_program_is_started_with_the_flags_that_are_said_once(file: str, program: str) -> None:
    """monitoring/flags.yaml, every flag in its order, for the container's places and the project's files."""
    service = services(file)[program]
    config_file, data = (
        next(word.partition("=")[2] for word in service.command if word.startswith(f"--{flag}="))
        for flag in (
            "config.file",
            {"prometheus": "storage.tsdb.path", "alertmanager": "storage.path"}[program],
        )
    )
    ((_, _, port),) = service.ports
    words = {**flags.settings({}), "host": "0.0.0.0", "port": port, "config": config_file, "data": data}  # noqa: S104
    usage = " ".join(service.command)
    wanted = flags.arguments(program, programs()[program].versions[0], words, usage)
    assert wanted == [_assets_of_this_project(word, service) for word in service.command]
    assert next(m.source for m in service.mounts if m.target == data) == program
    committed = on_this_machine(config_file, service)
    assert committed.startswith("monitoring/")
    assert (ROOT / committed).is_file()


def _assets_of_this_project(word: str, service: ComposeService) -> str:
    flag, _, value = word.partition("=")
    return f"{flag}={on_this_machine(value, service)}" if flag == "--web.user-assets" else word


def test_the_page_shows_this_project_s_boards_of_this_prometheus() -> None:
    """As `reviewlens look` takes its options; on this machine's loopback alone."""
    service = services("docker-compose.yml")["look"]
    assert service.command[:2] == ("reviewlens", "look")
    options = read(service.command[2:], "look", {}, ())
    assert [on_this_machine(str(folder), service) for folder in options.dashboards] == [
        "monitoring/grafana/dashboards"
    ]
    assert on_this_machine(str(options.runbooks), service) == "monitoring/runbooks"
    assert options.prometheus == "http://prometheus:9090"
    assert options.prometheus_link == "http://localhost:9090"
    assert options.trace_url == flags.settings({})["trace_url"]
    assert service.ports == (("127.0.0.1", options.port, options.port),)
    assert service.keys["depends_on"] == ["prometheus"]
    assert service.environment["no_proxy"] == service.environment["NO_PROXY"] == "prometheus"


def test_every_probed_flag_is_given() -> None:
    """The official image has what some builds lack."""
    given = services(FILES[0])["prometheus"].command
    assert [f"--{row['flag']}" in given for row in flags.table()["prometheus"] if row.get("probe")] == [True]


@pytest.mark.parametrize("file", FILES)
def test_settings_reach_what_they_are_named_after(file: str) -> None:
    """Retention, and a port of each service with its links, by the names that the native stack has."""
    ports = {variable: str(20000 + at) for at, (variable, _) in enumerate(PORTS.values())}
    kept = {"REVIEWLENS_RETENTION_TIME": "3d", "REVIEWLENS_RETENTION_SIZE": "1GB"}
    done = config("2.40", file, **PASSWORD, **ports, **kept)
    told = yaml.safe_load(done.stdout)["services"]
    for name in set(told) & set(PORTS):
        assert told[name]["ports"][0]["published"] == ports[PORTS[name][0]], name
    for name in ("prometheus", "alertmanager"):
        assert f"--web.external-url=http://localhost:{ports[PORTS[name][0]]}" in told[name]["command"]
    assert told["grafana"]["environment"]["GF_SERVER_ROOT_URL"].endswith(ports["REVIEWLENS_GRAFANA_PORT"])
    assert "--storage.tsdb.retention.time=3d" in told["prometheus"]["command"]
    assert "--storage.tsdb.retention.size=1GB" in told["prometheus"]["command"]


@pytest.mark.parametrize("file", FILES)
def test_names_are_those_that_other_documents_use(file: str) -> None:
    """Network, volumes, the port of each service on this machine, the way to the host."""
    whole = rendered(file)
    assert whole["networks"]["default"]["name"] == "monitoring_default"
    assert {key: row["name"] for key, row in whole["volumes"].items()} == {
        key: f"reviewlens_{key}" for key in whole["volumes"]
    }
    published = {name: [port for _, port, _ in row.ports] for name, row in services(file).items()}
    ours = {name: [PORTS[name][1]] for name in published if name in PORTS}
    collector = {"collector": [4317, 4318]} if "collector" in published else {}
    assert published == {**ours, **collector}
    assert services("docker-compose.monitoring.yml")["prometheus"].hosts == {
        "host.docker.internal": "host-gateway"
    }


def test_prometheus_scrapes_the_collector_and_not_the_api() -> None:
    """The native twin of the config, with names of services for localhost and a container's intervals."""
    native, docker, scraping = (
        yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
        for name in ("prometheus.otlp.yml", "prometheus/prometheus.otlp.yml", "prometheus/prometheus.yml")
    )
    named = re.sub("localhost:(?!9090)", "collector:", yaml.safe_dump(native["scrape_configs"]))
    assert docker["scrape_configs"] == yaml.safe_load(named)
    assert {key: docker[key] for key in ("global", "alerting")} == {
        key: scraping[key] for key in ("global", "alerting")
    }
    assert docker["rule_files"] == native["rule_files"]
    api = services("docker-compose.yml")["api"].environment
    assert api["OTEL_METRICS_EXPORTER"] == "otlp"
    assert api["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"


def test_secrets_of_alertmanager_lie_where_its_config_looks() -> None:
    """Paths are relative to where it starts, in a container as in the repository."""
    service = services(FILES[0])["alertmanager"]
    text = (HERE / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    files = re.findall(r"_file: (\S+)", text)
    assert files
    assert [on_this_machine(f"{service.working_dir}/{file}", service) for file in files] == files


def test_grafana_lets_nobody_in_and_finds_its_data_source_and_dashboards() -> None:
    """What monitoring/flags.yaml says of it, no sign-up, and provisioning that leads to Prometheus."""
    file = "docker-compose.yml"
    grafana = services(file)["grafana"]
    native = {
        row["env"]: row["value"] for row in flags.table()["grafana"] if row["value"] in {"true", "false"}
    }
    assert {name: grafana.environment[name] for name in native} == native
    assert grafana.environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert grafana.environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert grafana.environment["GF_SECURITY_ADMIN_PASSWORD"] == PASSWORD["GRAFANA_ADMIN_PASSWORD"]
    provisioning = ROOT / on_this_machine("/etc/grafana/provisioning", grafana)
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    ((_, _, port),) = services(file)["prometheus"].ports
    assert source["url"] == f"http://prometheus:{port}"
    (provider,) = yaml.safe_load((provisioning / "dashboards/dashboard.yml").read_text())["providers"]
    boards = ROOT / on_this_machine(provider["options"]["path"], grafana)
    assert len(list(boards.glob("*.json"))) == 3


@pytest.mark.parametrize(("file", "name"), ALL)
def test_what_is_mounted_is_committed(file: str, name: str) -> None:
    """An engine makes an empty folder of what is not there."""
    service = services(file)[name]
    sources = [mount.source for mount in service.mounts if mount.source.startswith("/")]
    for source in sources:
        listed = subprocess.run(
            ["git", "ls-files", source], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert listed.stdout, source
