"""What Kubernetes and container links set for services is no setting, whatever the service is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import ROOT

from app.injected import is_injected, own
from app.ports import address
from app.settings import AppSettings
from app.variables import unknown, warn_unknown
from scripts.stack.modes import ALL_PORTS
from scripts.stack.settings import StackSettings


def of_service(name: str) -> dict[str, str]:
    """What Kubernetes sets for a Service with a named port: the list of its documentation."""
    link = "tcp://10.96.0.11:8000"
    return {
        f"{name}_SERVICE_HOST": "10.96.0.11",
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": link,
        f"{name}_PORT_8000_TCP": link,
        f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000",
        f"{name}_PORT_8000_TCP_ADDR": "10.96.0.11",
    }


SERVICES = sorted(variable.removesuffix("_PORT") for variable, _ in ALL_PORTS.values())
CLUSTER = {
    key: value
    for name in (*SERVICES, "REVIEWLENS_API", "REVIEWLENS_REDIS")
    for key, value in of_service(name).items()
}


@pytest.mark.parametrize(
    ("name", "value", "injected"),
    [
        *((name, value, True) for name, value in of_service("REVIEWLENS").items()),
        ("REVIEWLENS_DNS_PORT_53_UDP_ADDR", "10.96.0.10", True),
        ("REVIEWLENS_DNS_PORT", "udp://10.96.0.10:53", True),
        ("REVIEWLENS_X_PORT", "sctp://10.96.0.10:53", True),
        ("REVIEWLENS_PORT", "8000", False),
        ("REVIEWLENS_PORT", "http", False),
        ("REVIEWLENS_PORT", "http://localhost:8000", False),
        ("REVIEWLENS_SESSION_STORE", "tcp://10.96.0.10:53", False),
        ("REVIEWLENS_HOST", "0.0.0.0", False),  # noqa: S104
        ("REVIEWLENS_SERVICE_HOSTS", "a", False),
    ],
)
def test_what_is_injected(name: str, value: str, injected: bool) -> None:
    """By the name's end; of NAME_PORT by the value, which is a link and never a port."""
    assert is_injected(name, value) is injected


def test_no_setting_of_ours_has_such_a_name() -> None:
    """Else it could never be set."""
    from app.variables import known

    assert {name for name in known() if is_injected(name, "8000")} == set()
    assert own(dict.fromkeys(known(), "8000")) == dict.fromkeys(known(), "8000")


def test_a_cluster_with_a_service_for_each_of_our_names_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ports and addresses are the defaults, as without; a wrong value of a person's own is still refused."""
    for name, value in CLUSTER.items():
        monkeypatch.setenv(name, value)
    assert AppSettings.from_env().port == 8000
    assert StackSettings.from_env(CLUSTER) == StackSettings.from_env({})
    assert address("prometheus", environ=CLUSTER) == "http://localhost:9090"
    assert unknown(CLUSTER) == {}


def test_it_is_told_in_one_line_without_values(caplog: pytest.LogCaptureFixture) -> None:
    """Names alone: an address of the cluster is nobody's business."""
    with caplog.at_level("INFO"):
        warn_unknown(of_service("REVIEWLENS"))
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("REVIEWLENS_PORT, REVIEWLENS_PORT_8000_TCP, ")
    assert told.endswith(": set by an orchestrator for its services, ignored")
    assert "10.96" not in told


@pytest.mark.parametrize("words", [["-m", "app", "doctor", "--offline"], ["-m", "scripts.stack", "down"]])
def test_the_commands_start(words: list[str], tmp_path: Path) -> None:
    """The doctor finds no fault, and the stack's commands work."""
    given = {**CLUSTER, "REVIEWLENS_RUN_DIR": str(tmp_path), "REVIEWLENS_STATE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "rename it" not in done.stdout


def test_the_service_takes_its_other_settings(tmp_path: Path) -> None:
    """It says once what it ignores; what a person has set wrongly is all that stops it."""
    given = {**CLUSTER, "REVIEWLENS_LOG_FORMAT": "xml", "REVIEWLENS_STATE_DIR": str(tmp_path)}
    words = [sys.executable, "-m", "app", "serve"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    ignored, wrong = done.stderr.splitlines()
    assert ignored.endswith(
        "REVIEWLENS_SIMULATOR_SERVICE_PORT_HTTP: set by an orchestrator for its services, ignored"
    )
    assert wrong.startswith("reviewlens: REVIEWLENS_LOG_FORMAT='xml': ")
