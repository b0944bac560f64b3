"""The compose files, run: what they say is what starts, with real programs, until an alert has arrived.

Each service gets its command, environment, user, files and names, in namespaces of its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from support.compose import WITH_TOKEN, services
from support.compose_run import PATH, container, replaced
from support.containers import Container, IsolatedMachine, RunningContainer, machine
from support.dockerfile import Image, build
from support.metrics_token import make_token
from support.servers import HTTP, PrometheusServer, wait_for
from support.traffic import dialogue

from monitoring.targets import HERE, read_rules

pytestmark = [pytest.mark.built, pytest.mark.timeout(900)]  # the image's packages come from the network
ALERTS = "/etc/prometheus/alerts"
BELIEVED = 'http_requests_total{endpoint="/api/products/{product_id}",status_code="404"} == 1'
CHECKED = {"api": "/readyz", "prometheus": "/-/ready", "alertmanager": "/-/ready", "look": "/healthz"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """reviewlens-api, made by the Dockerfile's own steps."""
    return build(tmp_path_factory.mktemp("image"))


@dataclass(frozen=True)
class Stack:
    """The containers of one compose file, and their published ports on this machine."""

    machine: IsolatedMachine
    containers: Mapping[str, RunningContainer]
    addresses: Mapping[str, str]

    @property
    def prometheus(self) -> PrometheusServer:
        return PrometheusServer(self.addresses["prometheus"], self.containers["prometheus"].parent, Path())

    def alerts(self) -> set[str]:
        """What Alertmanager has been told."""
        told = HTTP.get(self.addresses["alertmanager"] + "/api/v2/alerts").json()
        return {alert["labels"]["alertname"] for alert in told}


@contextmanager
def running(
    file: str, image: Image, folder: Path, mounts: Mapping[str, Path] | None = None
) -> Iterator[Stack]:
    """Every service but Grafana, each as soon as what it depends on runs; alerts wait for nothing. `mounts`:
    what else is elsewhere on this machine."""
    impatient = replaced({ALERTS: _without_holds(folder / "alerts"), **(mounts or {})})
    wanted = {name: impatient(row) for name, row in services(file).items() if name != "grafana"}
    with ExitStack() as stack:
        host = stack.enter_context(machine(*wanted))
        containers = {
            name: stack.enter_context(
                host.container(name, container(wanted[name], folder / "volumes", image))
            )
            for name in sorted(wanted, key=lambda name: len(wanted[name].keys["depends_on"]))
        }
        ports = [(name, port) for name in CHECKED if name in wanted for _, _, port in wanted[name].ports]
        urls = stack.enter_context(host.published(*ports))
        addresses = {name: url for (name, _), url in zip(ports, urls, strict=True)}
        for name, url in addresses.items():
            wait_for(name, partial(_ready, containers[name], url + CHECKED[name]), 30)
        yield Stack(host, containers, addresses)


def _ready(container: RunningContainer, url: str) -> bool:
    assert container.parent.poll() is None, container.text()
    return HTTP.get(url, timeout=5).is_success


def _without_holds(folder: Path) -> Path:
    folder.mkdir()
    for path in (HERE / "alerts").glob("*.yml"):
        text = re.sub(r"^ +for: .*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stack(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """docker-compose.yml."""
    with running("docker-compose.yml", image, tmp_path_factory.mktemp("stack")) as started:
        yield started


def test_requests_reach_prometheus_through_the_collector_and_an_alert_alertmanager(stack: Stack) -> None:
    """Exactly what was sent, under the API's own name; every rule is loaded; nothing scrapes the API."""
    prometheus = stack.prometheus
    wait_for("series at 0", lambda: prometheus.query('llm_calls_total{provider="template"} == 0'), 60)
    with httpx.Client(base_url=stack.addresses["api"], timeout=60, trust_env=False) as shopper:
        dialogue(shopper, "chair")
        assert shopper.get("/metrics").status_code == 404
    (sample,) = wait_for(
        "the dialogue", lambda: prometheus.query('dialogue_completions_total{category="chair"} == 1'), 60
    )
    assert (sample.labels["job"], sample.labels["instance"]) == ("reviewlens-api", "api:8000")
    assert {rule["name"] for rule in prometheus.rules()} == {rule.name for rule in read_rules()}
    assert prometheus.health() == {
        "http://localhost:9090/metrics": "up",
        "http://collector:8889/metrics": "up",
        "http://collector:8888/metrics": "up",
    }
    wait_for(
        "the alert on a stack without a provider", lambda: "AllLLMProvidersFailing" in stack.alerts(), 60
    )


def test_the_page_shows_the_boards_with_this_prometheus(stack: Stack) -> None:
    """Without Grafana: the mounted boards, and the numbers of the Prometheus beside it."""
    look = stack.addresses["look"]
    assert len(HTTP.get(f"{look}/api/boards").json()["boards"]) == 3
    assert HTTP.get(f"{look}/api/runbooks/HighLatency").status_code == 200
    query = {"query": "count(up) == 3"}
    wait_for(
        "the targets", lambda: HTTP.get(f"{look}/api/prometheus/query", params=query).json()["data"]["result"]
    )


def test_every_health_check_passes_and_fails_with_its_service(stack: Stack, image: Image) -> None:
    """The image's own and those of the compose file, each within its container."""
    api = image.stage.command("HEALTHCHECK")
    assert stack.containers["api"].run(*api, env=image.env) == 0
    assert stack.containers["prometheus"].run(*api, env=image.env) != 0
    for name in ("prometheus", "alertmanager", "look"):
        _, *check = services("docker-compose.yml")[name].keys["healthcheck"]["test"]
        env = image.env if name == "look" else {"PATH": PATH}
        assert stack.containers[name].run(*check, env=env) == 0
        assert stack.containers["collector"].run(*check, env={"PATH": PATH}) != 0


def test_the_image_listens_where_the_platform_says(image: Image) -> None:
    """PORT, on every address, as a user of its own who can write nowhere; its health check follows."""
    env = {**image.env, "PORT": "18000", "REVIEWLENS_STATE_DIR": "/tmp/state"}  # noqa: S108
    argv = image.stage.command("CMD")
    alone = Container(argv, env, image.mounts, ["/tmp"], user=image.user, read_only=True, confined=True)  # noqa: S108
    with (
        machine("api") as host,
        host.container("api", alone) as api,
        host.published(("api", 18000)) as (url,),
    ):
        wait_for("the API", partial(_ready, api, f"{url}/readyz"), 30)
        assert api.run(*image.stage.command("HEALTHCHECK"), env=env) == 0


def test_the_last_requests_before_a_stop_are_counted(stack: Stack) -> None:
    """SIGTERM reaches uvicorn, which is process 1, and it pushes what it still holds."""
    api = stack.containers["api"]
    HTTP.get(stack.addresses["api"] + "/api/products/nothing")
    assert api.stop() == 0, api.text()
    assert "Traceback" not in api.text()
    wait_for("the last request", lambda: stack.prometheus.query(BELIEVED), 30)


def test_a_collector_that_stops_is_told(stack: Stack) -> None:
    """It ends at once, and Alertmanager hears of it from Prometheus: no health check could tell."""
    assert stack.containers["collector"].stop() == 0
    wait_for("the alert", lambda: "TargetDown" in stack.alerts(), 60)


def test_monitoring_alone_scrapes_an_api_that_containers_can_reach(image: Image, tmp_path: Path) -> None:
    """Bound to the host's loopback it is out of reach; bound to every address, it is up."""
    with running("docker-compose.monitoring.yml", image, tmp_path) as stack:
        rules = {rule["name"] for rule in stack.prometheus.rules()}
        assert rules == {rule.name for rule in read_rules()}
        target = "http://host.docker.internal:8000/metrics"
        for address, health in (("127.0.0.1", "down"), ("0.0.0.0", "up")):  # noqa: S104
            with _on_the_host(stack, tmp_path / address, address):
                wait_for(f"{address}: {health}", partial(_is, stack.prometheus, target, health), 40)
        wait_for(
            "the API's series", lambda: stack.prometheus.value('count(up{job="reviewlens-api"}) == 1'), 20
        )


@pytest.mark.parametrize("file", WITH_TOKEN)
def test_with_a_token_prometheus_alone_reads_the_metrics(file: str, image: Image, tmp_path: Path) -> None:
    """Its target is up, in the container and on the host; whoever has no token gets 401."""
    made = make_token(tmp_path)
    of_api = "docker-compose.yml" in file.split()
    mounts = {
        "/etc/prometheus/prometheus.yml": made / ("api.yml" if of_api else "host.yml"),
        "/etc/prometheus/metrics.token": made / "prometheus.token",
        "/etc/reviewlens/metrics.token": made / "api.token",
    }
    with running(file, image, tmp_path, mounts) as stack, ExitStack() as beside:
        if of_api:
            api, target = stack.addresses["api"], "http://api:8000/metrics"
        else:
            token = {"TELEMETRY_METRICS_TOKEN_FILE": str(made / "host.token")}
            target = "http://host.docker.internal:8000/metrics"
            api = beside.enter_context(_on_the_host(stack, tmp_path / "state", "0.0.0.0", **token))  # noqa: S104
        wait_for("the target", partial(_is, stack.prometheus, target, "up"), 40)
        assert HTTP.get(f"{api}/metrics").status_code == 401


def _is(server: PrometheusServer, target: str, health: str) -> bool:
    return server.health().get(target) == health


@contextmanager
def _on_the_host(stack: Stack, state: Path, address: str, **more: str) -> Iterator[str]:
    """The API beside the containers, as `reviewlens serve` starts it."""
    env = {"REVIEWLENS_HOST": address, "REVIEWLENS_STATE_DIR": str(state), **more}
    serve = (Path(sys.executable).with_name("reviewlens"), "serve")
    with stack.machine.process(*serve, env=env), stack.machine.published(("127.0.0.1", 8000)) as (url,):
        wait_for("the API", lambda: HTTP.get(f"{url}/readyz").is_success, 30)
        yield url
