"""Whether a Prometheus in Docker reaches the service, against real listeners.

127.0.0.2 stands for Docker's bridge: what listens on 127.0.0.1 alone refuses there, as it does on a bridge.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.servers import free_port, prometheus, wait_for

from app.product import PRODUCT
from telemetry.doctor import reach
from telemetry.doctor.backend_checks import backend
from telemetry.doctor.finding import PASSED
from telemetry.doctor.subject import Subject

OUTSIDE = "127.0.0.2"
EVERYWHERE = "0.0.0.0"  # noqa: S104


@pytest.fixture(autouse=True)
def _bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "addresses", lambda: [OUTSIDE])


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", "bind"), (EVERYWHERE, PASSED), (OUTSIDE, PASSED)]
)
def test_where_the_service_listens_is_seen_not_believed(host: str, expected: str) -> None:
    """Loopback alone is a fault, whatever REVIEWLENS_HOST says in this shell."""
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        (finding,) = reach.reach(Subject({}, PRODUCT, docker=True, api_host=EVERYWHERE, api_port=port))
    assert finding.id == expected
    assert f":{port}" in finding.found


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", "bind"), ("localhost", "bind"), (EVERYWHERE, PASSED)]
)
def test_a_service_that_does_not_run_is_judged_by_its_setting(host: str, expected: str) -> None:
    """REVIEWLENS_HOST is all there is."""
    (finding,) = reach.reach(Subject({}, PRODUCT, docker=True, api_host=host, api_port=free_port()))
    assert finding.id == expected
    assert "does not run now" in finding.found


def test_the_mend_says_how_to_bind_and_what_that_opens() -> None:
    """The widest address comes with its warning."""
    (finding,) = reach.reach(Subject({}, PRODUCT, docker=True, api_port=free_port()))
    assert finding.mend[-1].startswith("REVIEWLENS_HOST=0.0.0.0 (every network")


def test_a_prometheus_that_scrapes_host_docker_internal_is_in_docker() -> None:
    """Its own targets tell, without --docker."""
    port = free_port()
    job = f"{{job_name: api, static_configs: [{{targets: ['host.docker.internal:{port}']}}]}}"
    config = f"global: {{scrape_interval: 1s}}\nscrape_configs: [{job}]\n"
    with prometheus(config) as prom:
        subject = Subject({}, PRODUCT, api_port=port, prometheus_url=prom.url)
        wait_for("the target", prom.targets)
        assert [finding.id for finding in reach.reach(subject)] == ["bind"]
        wait_for("a scrape", lambda: "down" in prom.health().values())
        subject = Subject({}, PRODUCT, api_port=port, prometheus_url=prom.url)
        down = next(finding for finding in backend(subject) if finding.id == "target.down")
        assert down.mend == ('extra_hosts: ["host.docker.internal:host-gateway"] for Prometheus',)


def test_without_docker_nothing_is_asked_of_the_address() -> None:
    """A Prometheus on this machine reaches loopback."""
    assert list(reach.reach(Subject({}, PRODUCT))) == []


def test_addresses_are_this_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from its interfaces; loopback is none of them."""
    monkeypatch.undo()
    assert reach._address_of("lo") == "127.0.0.1"
    for address in reach.addresses():
        with socket.socket() as own:
            own.bind((address, 0))
        assert not address.startswith("127.")


def test_a_machine_without_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that nothing was checked."""
    monkeypatch.setattr(reach, "addresses", list)
    assert [finding.id for finding in reach.reach(Subject({}, PRODUCT, docker=True))] == ["bind.unknown"]


def test_the_compose_file_gives_the_name_that_is_checked() -> None:
    """host.docker.internal leads to the host by its extra_hosts."""
    compose = Path(__file__).parents[2] / "docker-compose.monitoring.yml"
    assert f"{reach.GATEWAY}:host-gateway" in compose.read_text(encoding="utf-8")
